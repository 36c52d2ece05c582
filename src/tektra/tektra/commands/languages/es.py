"""Spanish: the commonest commands, in tú and usted and as infinitives after 'puedes'."""

from __future__ import annotations

import math

from tektra.commands.languages.table import Frame, Guards, Language, Units
from tektra.dialogue.phrases.es import SPANISH as RESPONDER

_TO = '(a|hacia|por|para|en)'
_SLOTS = {
    'direction': {
        'forward': '[hacia|para] (adelante|delante)|de frente|[todo] recto|al frente',
        'back': '[hacia|para] atrás|marcha atrás',
        'left': f'{_TO} (la|tu) izquierda|[a] izquierda|hacia izquierda',
        'right': f'{_TO} (la|tu) derecha|[a] derecha|hacia derecha',
        'up': '[hacia|para] arriba',
        'down': '[hacia|para] abajo',
        'around': '[a tu] alrededor',
        'person': '(a|hacia) (mí|nosotros)',
    },
    'speed': {
        'slow': '[muy] (lentamente|despacio|lento|con cuidado)',
        'fast': '[muy] (rápido|rápidamente|deprisa)',
    },
    'arm': {
        'left': '[con] (el|tu) brazo izquierdo',
        'right': '[con] (el|tu) brazo derecho',
        'both': '[con] (los dos|ambos|los|tus) brazos',
        'either': '(el|tu|un) brazo',
    },
    'hand': {
        'left': '[con] (la|tu) (mano|pinza) izquierda',
        'right': '[con] (la|tu) (mano|pinza) derecha',
        'both': '[con] (las dos|ambas|las|tus) (manos|pinzas)',
        'either': '[con] (la|tu|una) (mano|pinza)',
    },
}

_GO = (
    '(ve|vaya|ir|muévete|muévase|mueve|moverte|mover|camina|camine|caminar|anda|andar|conduce'
    '|conducir|desplázate|desplazarte)'
)
_BACK = '(retrocede|retroceda|retroceder)'
_FRAMES = (
    Frame('move', _GO, 'length speed', 'forward back left right'),
    Frame(
        'move',
        '(avanza|avance|avancen|avanzar)',
        'length speed',
        'forward',
        texts={'direction': 'forward'},
    ),
    Frame('move', _BACK, 'length speed', 'back', texts={'direction': 'back'}),
    Frame('move', '(da|dar|dé)', 'length speed', 'forward back', needs='amount'),
    Frame(
        'turn',
        '(gira|gire|giren|girar|girarte|voltea|voltee|voltear|rota|rote|rotar|dobla|doblar|tuerce)',
        'angle speed',
        'left right',
    ),
    Frame(
        'turn',
        '(date|darte|dese|da|dar) (la|media|una media) vuelta|media vuelta',
        'speed',
        'left right',
        values={'angle': math.pi},
    ),
    Frame('turn', '(da|dar|haz|hacer)', 'angle speed', 'left right', needs='amount'),
    Frame(
        'home',
        '(ve|vaya|ir|vuelve|vuelva|volver|regresa|regrese|regresar) a (casa|la base|tu base'
        '|tu sitio)',
        texts={'what': 'place'},
    ),
    Frame(
        'home',
        '[(ve|vuelve|regresa) a] [la|tu] (posición|postura) (inicial|de reposo|de inicio)',
        texts={'what': 'posture'},
    ),
    Frame(
        'look_at',
        'mira|mire|miren|mirar',
        'angle speed',
        'left right up down forward around person',
    ),
    Frame('look_at', 'mírame|mirarme|míreme', texts={'direction': 'person'}),
    Frame(
        'wave',
        '(saluda|salude|saluden|saludar|salúdame|salúdanos) [a (todos|todo el mundo|la gente'
        '|los niños|nosotros)]',
        'times arm hand',
    ),
    Frame('nod', '(asiente|asienta|asientan|asentir|di que sí) [con la cabeza]', 'times'),
    Frame('shake_head', '(niega|niegue|negar|di que no) con la cabeza', 'times'),
    Frame('gripper', 'abre|abra|abrir', 'hand', needs='hand', texts={'action': 'open'}),
    Frame('gripper', 'cierra|cierre|cerrar', 'hand', needs='hand', texts={'action': 'close'}),
    Frame(
        'arm',
        'levanta|levante|levantar|sube|subir|alza',
        'arm',
        'up',
        needs='arm',
        texts={'action': 'raise'},
    ),
    Frame(
        'arm',
        'levanta|levante|levantar|sube|subir|alza',
        'hand',
        'up',
        needs='hand',
        texts={'action': 'raise'},
    ),
    Frame('arm', 'baja|baje|bajar', 'arm', 'down', needs='arm', texts={'action': 'lower'}),
    Frame('arm', 'baja|baje|bajar', 'hand', 'down', needs='hand', texts={'action': 'lower'}),
    Frame('motion', 'baila|baile|bailen|bailar', texts={'name': 'dance'}),
    Frame('motion', '(haz|hacer) una reverencia|inclínate|inclinarte', texts={'name': 'bow'}),
    Frame('motion', 'estírate|estirarte', texts={'name': 'stretch'}),
    Frame('follow', 'sígueme|seguirme|sígame|ven conmigo', texts={'state': 'on'}),
    Frame('follow', 'deja de seguirme', texts={'state': 'off'}),
    Frame('pace', '[ve|anda] [un poco] más (rápido|deprisa)|acelera', texts={'change': 'faster'}),
    Frame(
        'pace',
        '[ve|anda] [un poco] más (despacio|lento|lentamente)|frena',
        texts={'change': 'slower'},
    ),
    Frame('continue', '(continúa|continúe|continuar|sigue|siga|seguir) [adelante]|prosigue'),
    Frame('status', '[cuál es] [tu|el] estado|informe [de estado]|estás (listo|lista)'),
    Frame(
        'battery',
        '[cómo (está|va)] [la|tu] batería|[cuál es] [el] nivel de [la|tu] batería'
        '|cuánta (batería|energía|carga) (te queda|tienes|queda)',
    ),
    Frame('', 'ven [aquí|acá|a mí|más cerca]|acércate', ask='come'),
    Frame('', f'{_GO} (a|hasta) (la|el|los|las)|{_GO} al', ask='place'),
    Frame('', 'siéntate|salta|vuela|sonríe|levántate|duérmete|despierta', ask='unable'),
)

_STOPPING = 'moverte|girar|avanzar|caminar|saludar|andar|retroceder|bailar|asentir'

SPANISH = Language(
    tag='es',
    numbers=RESPONDER.numbers,
    articles='un|una',
    amounts=(
        ('[un|una] (medio|media)', 0.5),
        ('un cuarto [de]', 0.25),
        ('tres cuartos [de]', 0.75),
        ('[un|una] (entero|entera)', 1.0),
        ('una docena [de]', 12.0),
    ),
    extra=(('y (medio|media)', 0.5), ('y [un] cuarto', 0.25)),
    small='[solo] (un (poco|poquito|pelín)|ligeramente|un poco más)',
    vague='mucho|lejos|bastante|varios|varias|algunos|algunas|unos pocos|muchos',
    around=(('una vuelta (completa|entera)', 1.0),),
    often=(),
    plus='y',
    by='unos|unas|otros|otras|otro|otra|como|solo|solamente|exactamente|más o menos'
    '|aproximadamente',
    units=Units(
        length=(
            ('kilómetro|kilómetros|km', 1000.0),
            ('metro|metros|m', 1.0),
            ('pie|pies', 0.3048),
            ('paso|pasos', 0.3),
            ('centímetro|centímetros|cm', 0.01),
            ('milímetro|milímetros|mm', 0.001),
        ),
        angle=(('radián|radianes', 1.0), ('grado|grados|°', math.radians(1))),
        turns='vuelta|vueltas|giro|giros',
        times='vez|veces',
        duration='segundo|segundos|minuto|minutos|hora|horas',
    ),
    slots=_SLOTS,
    frames=_FRAMES,
    guards=Guards(
        negation='no|nunca|jamás|tampoco|ni|sin|nada|nadie|en vez de|en lugar de|olvídalo',
        reported='él|ella|ellos|dice|dijo|dijeron|dicho|me ha dicho|contó|que digas',
        condition='si|cuando|hasta que|hasta|antes|después de|mientras|en cuanto|porque|aunque'
        '|salvo|pero|siempre que',
        doubt='quizá|quizás|tal vez|acaso|a lo mejor|creo|pienso|supongo|o|debería|deberías'
        '|podría ser|imagina|probablemente',
        question='qué|quién|cómo|cuándo|dónde|cuál|cuánto|cuántos|cuánta|por qué|es|está|eres'
        '|has|ha|era|debo|debes|sabes|puede (él|ella|un|una|el|la)|puedo|quién',
    ),
    rewrites={'ok': 'vale', 'okay': 'vale', 'porfa': 'por favor', 'porfavor': 'por favor'},
    asking='(puedes|podrías|puede|podría|quieres|querrías|quisieras) [por favor]|te importaría'
    '|serías tan amable de',
    polite='por favor|haz el favor de|hazme el favor de|te ruego|vamos',
    courtesy='por favor|gracias|muchas gracias|ahora|ahora mismo|ya|vale|amigo|de acuerdo',
    fillers='por favor|ahora|ahora mismo|ya|eh|em|pues|otra vez|de nuevo|primero|también'
    '|simplemente|enseguida',
    lead='oye|hola|vale|bien|bueno|a ver|venga|y|entonces|luego|buenos días|buenas tardes',
    joiners='y|luego|y luego|después|y después|entonces|y entonces|a continuación|y a continuación'
    '|y por último',
    corrections='no [no] [perdón|perdona|espera|mejor|digo]|digo|perdón|perdona|quiero decir'
    '|mejor dicho|espera no|mejor',
    plain_no='no|no no',
    no_negates=True,
    hold='(para|alto|detente|deténgase|detenerte|párate|parar|quieto|quieta|espera|espere|stop)'
    ' [ya|ahora|ahora mismo|ahí|aquí|por favor|un momento]|quédate (quieto|quieta|ahí|aquí)'
    f'|emergencia|deja de ({_STOPPING})',
    stop='(parada|paro) de emergencia',
    hold_first='para|alto|detente|stop|párate',
    not_hold='para (la (música|canción|alarma|historia)|de (hablar|cantar)|que|mí|ti|qué|nada'
    '|siempre|mañana|hoy|ser)|alto (y|el|nivel)|deja de (hablar|cantar)|stop words',
    stop_first='parada de emergencia|paro de emergencia',
    everybody='todos [los robots]|todo el mundo|todas|los dos|robots|ambos',
    somebody='robot|tektra|querido robot',
    both='y',
    minus='menos',
    play='(haz|muestra|muéstrame|reproduce) [el|la] [movimiento]',
    # 'no gires': only so that a prohibition is recognised as one
    gerunds={
        'muevas': 'mueve',
        'mueva': 'mueve',
        'gires': 'gira',
        'avances': 'avanza',
        'retrocedas': 'retrocede',
        'camines': 'camina',
        'vayas': 've',
        'saludes': 'saluda',
        'mires': 'mira',
        'bailes': 'baila',
        'sigas': 'sigue',
        'pares': 'para',
    },
    not_mine='mira (que|qué|quién|cómo|lo|este|esta|eso|la (tele|hora))|abre (la (puerta|ventana'
    '|boca)|el)|cierra (la (puerta|ventana|boca)|el)|sigue (siendo|así|el|la|hablando)|da (igual'
    '|las|me)|haz (lo|la|el|una (foto|pregunta))|baja (la|el|los)|sube (la|el)|ve (la|el|una)',
    texts={
        'how_far': '¿Cuánto? Di por ejemplo: un metro.',
        'which_side': '¿Cuánto, y a la izquierda o a la derecha?',
        'which_way': '¿Hacia dónde?',
        'which_arm': '¿Con qué brazo, el izquierdo o el derecho?',
        'what_unit': '¿{n} de qué? Dilo con la unidad, por ejemplo metros o grados.',
        'unclear': 'He entendido «{said}», pero no todo. Dilo de otra manera, por favor.',
        'rest': 'He entendido «{said}», pero no «{rest}». ¿Qué hago?',
        'range': '{value} no puede ser: tiene que estar entre {low} y {high}.',
        'length': '{n} metros',
        'angle': '{n} grados',
        'times': '{n} veces',
        'nothing': '¿Qué hago? Di por ejemplo: avanza un metro.',
        'negation': 'No lo haré.',
        'reported': 'Solo hago lo que se me dice a mí.',
        'condition': 'No puedo esperar a una condición. Dime cuándo es el momento.',
        'doubt': 'No estoy seguro de si debo. Dime claramente qué hago, por favor.',
        'duration': 'Me muevo por distancia y ángulo, no por tiempo. ¿Cuánto?',
        'contradiction': 'Eso se contradice. Dilo otra vez, por favor.',
        'correction': '¿Qué hago en su lugar? Di otra vez la orden entera, por favor.',
        'unfinished': 'Espero con eso. ¿Qué hago en su lugar?',
        'too_many': 'Son más de {n} pasos. Dime menos a la vez, por favor.',
        'too_long': 'Es demasiado largo para mí. Dilo más corto, por favor.',
        'one_robot': 'De uno en uno, por favor: ¿a quién te refieres?',
        'confirm': '¿De verdad lo hago?',
        'confirm_amount': 'Son {value}. ¿De verdad lo hago?',
        'sideways': '¿Giro hacia ese lado o me muevo de lado, y cuánto?',
        'place': 'No conozco ningún sitio con ese nombre.',
        'come': 'No sé cuánto es eso. Di: sígueme, o cuánto avanzo.',
        'home': '¿Vuelvo a casa o tomo la posición inicial?',
        'unable': 'Mi cuerpo no puede hacer eso.',
    },
)
