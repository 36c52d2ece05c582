"""What words say about turns: backchannels, stop phrases, how phrases end. Data only."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.turn_taking.words import Phrase, phrases

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TurnLanguage:
    """One language. Words are lower case without punctuation.

    ``backchannels`` show attention and claim no turn. ``stop_phrases`` at the start of an
    utterance interrupt at once. ``fillers`` are no words at all. ``dangling`` cannot end a
    sentence; ``prepositions`` rarely do. ``complete`` are whole utterances after which nothing is
    expected. A text that begins with one of ``commands`` (without ``polite`` at either end) or
    ``questions`` and does not end openly is finished. ``may_go_on`` ends a command that often
    continues ("go forward ... ten meters"); ``movements`` are commands whose quantity wants a
    unit, so a number of ``numbers`` at the end leaves them open.
    """

    backchannels: frozenset[Phrase]
    stop_phrases: frozenset[Phrase]
    fillers: frozenset[str]
    dangling: frozenset[str]
    prepositions: frozenset[str]
    complete: frozenset[Phrase]
    polite: frozenset[Phrase]
    commands: frozenset[str]
    questions: frozenset[str]
    particles: frozenset[str] = _NONE
    may_go_on: frozenset[str] = _NONE
    movements: frozenset[str] = _NONE
    numbers: frozenset[str] = _NONE


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = TurnLanguage(
    backchannels=phrases(
        'uh-huh', 'mm-hmm', 'mhm', 'mm', 'mmm', 'hm', 'hmm', 'yeah', 'yep', 'yes', 'yup', 'okay',
        'ok', 'right', 'all right', 'alright', 'i see', 'sure', 'aha', 'ah', 'oh', 'oh really',
        'really', 'wow', 'cool', 'nice', 'great', 'good', 'got it', 'go on', 'of course', 'huh',
    ),
    stop_phrases=phrases(
        'stop', 'stop talking', 'stop it', 'be quiet', 'quiet', 'wait', 'hold on', 'shut up',
        'silence', 'hush', 'enough', 'emergency stop', 'halt', 'freeze', 'hold',
    ),
    fillers=_set('um uh er erm uhm eh mm hm hmm mmm'),
    dangling=_set(
        'and or but so because if when while that which who whose the a an my your his her its '
        'our their this these those is are was were am be been will would can could should shall '
        'may might must do does did have has had not plus minus times divided multiplied than as '
        'what '
        "how why where i'm it's you're we're they're i'd i'll let's very just um uh er erm i "
        'we they he she please then maybe every each some any also'
    ),
    prepositions=_set(
        'to of for with from in on at into onto about by over under through without'
    ),
    complete=phrases(
        'yes', 'no', 'yeah', 'yes please', 'no thanks', 'no thank you', 'hello', 'hi', 'hey',
        'hello there', 'good morning', 'good afternoon', 'good evening', 'good night', 'goodbye',
        'good bye', 'bye', 'bye bye', 'see you', 'see you later', 'thanks', 'thank you',
        'thank you very much', 'thanks a lot', 'help', 'help me', 'stop', 'stop talking', 'wait',
        'be quiet', 'halt', 'never mind', 'forget it', 'come here', 'say that again',
        'repeat that',
        'say it again', 'repeat', 'again', 'okay', 'who are you', 'how are you', 'what is that',
        'where are you from', 'what can you do', 'what did you say', 'pardon', 'sorry', 'cancel',
        'correct', 'wrong', "that's right", 'emergency stop', 'what is this', 'who is this',
        'who is that', 'what time is it', 'how old are you', 'where are you', 'what are you',
        'continue', 'resume', 'freeze', 'hold', 'stay', 'smile', 'dance', 'faster', 'slower',
        'status', 'status report', 'battery status', 'battery level', 'who am i', 'are you ready',
    ),
    polite=phrases(
        'please', 'hey', 'okay', 'ok', 'robot', 'now', 'can you', 'could you', 'would you',
        'will you', 'can you please', 'could you please', 'i want you to', 'tektra', 'so', 'well',
    ),
    commands=_set(
        'go move drive walk run turn rotate spin stop come follow look nod wave raise lower lift '
        'drop open close grab pick put take bring give show tell say play pause start begin end '
        'set switch count repeat calculate add subtract remember forget sing dance stand sit '
        'back face point find search read write call send make increase decrease halt speak '
        'describe explain speed slow carry wait hold stay wake shake smile continue'
    ),
    questions=_set(
        'what who where when why how which whose is are am was were do does did can could will '
        "would should may have has what's who's where's when's how's isn't aren't don't doesn't"
    ),
    particles=_set('on off in out up down over around back away'),
    may_go_on=_set(
        'forward forwards backward backwards back ahead straight up down go move drive walk turn '
        'rotate spin me it about degrees half point tell say'
    ),
    movements=_set('go move drive walk run turn rotate spin back'),
    numbers=_set(
        'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
        'fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy '
        'eighty ninety hundred thousand'
    ),
)  # fmt: skip

GERMAN = TurnLanguage(
    backchannels=phrases(
        'ja', 'jo', 'jaja', 'mhm', 'mm', 'hm', 'hmm', 'aha', 'ach so', 'okay', 'ok', 'genau',
        'gut', 'stimmt', 'verstehe', 'klar', 'richtig', 'ach', 'oh', 'echt', 'alles klar',
        'na gut',
    ),
    stop_phrases=phrases(
        'stop', 'stopp', 'halt', 'warte', 'ruhe', 'sei still', 'sei ruhig', 'hör auf', 'genug',
        'moment', 'still', 'aufhören', 'nothalt',
    ),
    fillers=_set('äh ähm öh hm hmm mm em'),
    dangling=_set(
        'und oder aber weil wenn dass ob der die das den dem des ein eine einen einem einer '
        'eines mein meine dein deine sein seine ihr ihre ist sind war waren bin bist habe hast '
        'hat kann kannst könnte will würde soll muss darf ich du er wir sehr nicht plus minus '
        'mal geteilt als wie was wo warum also auch noch äh ähm'
    ),
    prepositions=_set('zu von für mit aus in an auf bei nach über unter durch ohne gegen um vor'),
    complete=phrases(
        'ja', 'nein', 'hallo', 'guten morgen', 'guten tag', 'guten abend', 'gute nacht', 'tschüss',
        'auf wiedersehen', 'danke', 'vielen dank', 'danke schön', 'hilfe', 'stopp', 'stop', 'halt',
        'warte', 'sei still', 'komm her', 'wer bist du', 'wie geht es dir', "wie geht's",
        'was kannst du', 'wie bitte', 'noch einmal', 'nochmal', 'wie spät ist es', 'okay',
    ),
    polite=phrases('bitte', 'hey', 'okay', 'roboter', 'jetzt', 'kannst du', 'könntest du'),
    commands=_set(
        'geh gehe fahr fahre dreh drehe komm folge schau nicke winke heb hebe öffne schließe '
        'nimm bring gib zeig sag erzähl erzähle spiel zähl zähle wiederhole rechne stopp halt '
        'mach'
    ),
    questions=_set(
        'was wer wo wann warum wie welche welcher welches wieviel ist sind bist kannst'
    ),
    particles=_set('an aus auf zu ab her hin um vor zurück'),
    may_go_on=_set('vorwärts rückwärts zurück geradeaus weiter mir grad'),
    movements=_set('geh gehe fahr fahre dreh drehe'),
    numbers=_set(
        'null ein eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig'
    ),
)  # fmt: skip

SPANISH = TurnLanguage(
    backchannels=phrases(
        'sí', 'si', 'ajá', 'mm', 'mhm', 'hm', 'vale', 'ok', 'okay', 'bueno', 'claro', 'ya',
        'entiendo', 'bien', 'de acuerdo', 'ah', 'oh', 'en serio', 'exacto',
    ),
    stop_phrases=phrases(
        'para', 'alto', 'espera', 'silencio', 'cállate', 'basta', 'detente', 'un momento', 'stop',
        'deja de hablar',
    ),
    fillers=_set('eh em mm hm este pues'),
    dangling=_set(
        'y o u pero porque si que cuando mientras el la los las un una unos unas mi mis tu tus '
        'su sus es son está están soy eres más menos entre dividido muy no lo le se me te nos '
        'como cómo qué dónde quién eh em yo'
    ),
    prepositions=_set('a de del al con en por para sin sobre hasta desde hacia'),
    complete=phrases(
        'sí', 'no', 'hola', 'buenos días', 'buenas tardes', 'buenas noches', 'adiós', 'gracias',
        'muchas gracias', 'ayuda', 'para', 'alto', 'espera', 'silencio', 'ven aquí', 'quién eres',
        'cómo estás', 'qué puedes hacer', 'qué hora es', 'otra vez', 'repite', 'hasta luego',
        'vale',
    ),
    polite=phrases('por favor', 'oye', 'robot', 'ahora', 'puedes', 'podrías'),
    commands=_set(
        've anda avanza gira ven sigue mira saluda levanta baja abre cierra toma trae dame '
        'muestra di dime cuenta repite calcula para pon'
    ),
    questions=_set('qué quién dónde cuándo cómo cuál cuánto cuántos cuántas es son puedes tienes'),
    may_go_on=_set('adelante atrás recto metros'),
    movements=_set('ve anda avanza gira'),
    numbers=_set('cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce veinte'),
)  # fmt: skip

LANGUAGES: dict[str, TurnLanguage] = {'en': ENGLISH, 'de': GERMAN, 'es': SPANISH}


def turn_language(tag: str, default: str) -> TurnLanguage:
    """Return the table of BCP 47 ``tag`` or else of ``default``; English if it is unknown."""
    base = (tag or default).split('-')[0].lower()
    return LANGUAGES.get(base, ENGLISH)
