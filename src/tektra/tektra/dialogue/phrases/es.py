"""Spanish."""

from __future__ import annotations

import re
from datetime import datetime

from tektra.dialogue.phrases.table import Numbers, Table, listed, patterns

_UNITS = listed(
    'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince '
    'dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés '
    'veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve'
)
_TENS = listed('treinta cuarenta cincuenta sesenta setenta ochenta noventa')
_HUNDREDS = listed(
    'doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos '
    'novecientos'
)
_DAYS = listed('lunes martes miércoles jueves viernes sábado domingo')
_MONTHS = listed(
    'enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre'
)


def _time(t: datetime) -> str:
    hour = t.hour % 12 or 12
    start = 'Es la una' if hour == 1 else f'Son las {hour}'
    part = 'de la mañana' if t.hour < 12 else 'de la tarde' if t.hour < 20 else 'de la noche'
    minutes = f' y {t.minute}' if t.minute else ''
    return f'{start}{minutes} {part}.'


def _date(t: datetime) -> str:
    return f'Hoy es {_DAYS[t.weekday()]}, {t.day} de {_MONTHS[t.month - 1]} de {t.year}.'


_PATTERNS = {
    'stop_talking': r'silencio|cállate|calla|basta|deja de hablar|no hables más|olvídalo',
    'wait': r'para|alto|espera(?: un momento)?|detente|un momento|stop',
    'how_are_you': r'(?:cómo|como) est[áa]s(?: hoy)?|qué tal(?: estás)?|que tal|(?:cómo|como) te '
    'va',
    'goodbye': r'adiós|adios|hasta (?:luego|mañana|pronto)|chao|buenas noches|nos vemos',
    'greeting': r'(?:hola|buenas|buenos días|buenas tardes)(?: (?:a todos|amigo))?',
    'help': r'ayuda|ayúdame|(?:qué|que) (?:puedes|sabes) hacer|(?:qué|que) puedo '
    '(?:decir|preguntar)|puedes ayudarme',
    'time': r'(?:qué|que) hora es|(?:qué|que) horas son|dime la hora|me dices la hora|tienes hora',
    'date': (
        r'(?:qué|que) (?:día|dia) es(?: hoy)?|(?:cuál|cual) es la fecha(?: de hoy)?|dime la fecha'
        r'|a (?:qué|que) estamos(?: hoy)?|(?:qué|que) fecha es(?: hoy)?'
    ),
    'ask_name': r'(?:cómo|como) me llamo|(?:cuál|cual) es mi nombre|(?:quién|quien) soy(?: '
    'yo)?|sabes mi nombre',
    'tell_name': (
        r"(?:me llamo|mi nombre es|llámame) (?P<name>[^\W\d][\w' -]*)"
        r"|(?:yo )?soy (?P<maybe>[^\W\d][\w'-]*)"
    ),
    'who_are_you': (
        r'(?:quién|quien) eres|(?:qué|que) eres|(?:cómo|como) te llamas|(?:cuál'
        r'|cual) es tu nombre|preséntate'
        r'|eres un robot'
    ),
    'thanks': r'(?:muchas |mil )?gracias(?: por .+)?|muy bien hecho|bien hecho',
    'yes': r'(?:sí|si|claro|vale|correcto|exacto|de acuerdo|ok|okay|por supuesto|eso es)(?: por '
    'favor| claro)?',
    'no': r'no(?: gracias)?|incorrecto|eso no|ahora no',
    'repeat': (
        r'(?:repite|repítelo|dilo)(?: eso)?(?: otra vez| de nuevo)?|otra vez|de nuevo|(?:qué'
        r'|que) has dicho'
        r'|(?:qué|que) dijiste|(?:cómo|como) dices|perdón|di eso otra vez'
    ),
    'command': (
        r'(?:ve|anda|avanza|gira|ven|sigue|sígueme|mira|saluda|levanta|baja|abre|cierra|toma|coge'
        r'|trae|dame|mueve'
        r'|muévete|para|detente|siéntate|baila|adelante|atrás|izquierda|derecha|retrocede'
        r'|camina)\b.*'
    ),
}

_TEXTS = {
    'greeting': 'Hola. ¿Qué puedo hacer por ti?',
    'greeting_named': 'Hola, {name}. ¿Qué puedo hacer por ti?',
    'how_are_you': 'Estoy bien, gracias. Todas mis partes funcionan.',
    'help': (
        'Puedes preguntarme la hora o la fecha, darme una cuenta o decirme tu nombre. Di '
        'silencio y me callo. No hay ningún modelo de lenguaje conectado.'
    ),
    'name_learnt': 'Mucho gusto, {name}. Recordaré tu nombre en esta conversación.',
    'name_known': 'Te llamas {name}.',
    'name_unknown': 'Todavía no me has dicho tu nombre.',
    'who_are_you': (
        'Soy {me}, la voz de un robot. Respondo con reglas sencillas. Todavía no hay ningún '
        'modelo de lenguaje conectado.'
    ),
    'thanks': 'De nada.',
    'goodbye': 'Adiós.',
    'goodbye_named': 'Adiós, {name}.',
    'yes': 'De acuerdo.',
    'no': 'De acuerdo, no.',
    'stop_talking': 'Vale.',
    'command': 'He entendido: {text}. Todavía no tengo un cuerpo que mover.',
    'fallback': (
        'He entendido: {text}. No hay ningún modelo de lenguaje conectado, así que no tengo '
        'respuesta. Puedo decirte la hora y la fecha, hacer cuentas y recordar tu nombre.'
    ),
    'ask_back': '¿Has dicho: {text}?',
    'ask_back_no': 'Entonces dilo otra vez, por favor.',
    'unsure': 'Sigo sin estar seguro. Dilo otra vez despacio, o escríbelo.',
    'repeat_none': 'Todavía no he dicho nada.',
    'sum': '{spoken} es {value}.',
    'sum_about': '{spoken} es aproximadamente {value}.',
    'divide_by_zero': 'No se puede dividir entre cero.',
    'count_limit': 'Cuento de cero a cien.',
    'about': 'Soy {me}, un grupo de pequeños programas que hablan entre sí por ROS 2.',
    'lost_hearing': 'Ahora mismo no te oigo. Puedes escribirme.',
    'back_hearing': 'He dejado de oír un momento. Ya te escucho otra vez.',
    'lost_voice': 'He perdido la voz.',
    'back_voice': 'He perdido la voz un momento. Ya ha vuelto.',
    'lost_thread': 'Ahora mismo no puedo seguir la conversación.',
    'back_thread': 'He perdido el hilo un momento. Dilo otra vez, por favor.',
    'failed': 'Lo siento, no se me ha ocurrido ninguna respuesta. Algo ha fallado dentro de mí.',
}

SPANISH = Table(
    tag='es',
    patterns=patterns(_PATTERNS),
    texts=_TEXTS,
    numbers=Numbers(
        small={word: i for i, word in enumerate(_UNITS)}
        | {word: 30 + 10 * i for i, word in enumerate(_TENS)}
        | {'un': 1, 'una': 1},
        hundreds={'cien': 100, 'ciento': 100}
        | {word: 200 + 100 * i for i, word in enumerate(_HUNDREDS)},
        scales={'mil': 1000, 'millón': 10**6, 'millones': 10**6},
        joiners=frozenset({'y'}),
        articles=frozenset({'un'}),
        points=frozenset({'coma', 'punto'}),
        operators={
            'multiplicado por': '*', 'dividido por': '/', 'dividido entre': '/', 'entre': '/',
            'por': '*',
            'más': '+', 'mas': '+', 'menos': '-', 'x': '*',
        },
        spoken={'+': 'más', '-': 'menos', '*': 'por', '/': 'entre'},
        decimal_mark=',',
    ),
    sums=re.compile(r'(?:(?:cuánto|cuanto) (?:es|son)|(?:qué|que) es|calcula) '),
    address=re.compile(
        r'^(?:(?:hola|oye|vale) (?:robot|tektra)\b|(?:por favor|ahora|oye|eh|pues|robot|tektra)\b'
        r'|(?:puedes|podrías)\b)'
    ),
    courtesy=re.compile(r'(?: (?:por favor|ahora|robot|tektra))$'),
    say_time=_time,
    say_date=_date,
    not_names=frozenset(
        listed(
        'un una el la muy bien mal feliz triste de yo listo lista cansado cansada nuevo nueva'
        )
    ),
)  # fmt: skip
