"""German: the commonest commands. The verb may come last ('die Hand öffnen')."""

from __future__ import annotations

import math

from tektra.commands.languages.table import Frame, Guards, Language, Units
from tektra.dialogue.phrases.de import GERMAN as RESPONDER

_SLOTS = {
    'direction': {
        'forward': 'vorwärts|nach (vorn|vorne)|vor|voraus|geradeaus|gerade aus',
        'back': 'rückwärts|zurück|nach hinten',
        'left': '[nach] links [herum]|linksherum|zur linken seite|gegen den uhrzeigersinn',
        'right': '[nach] rechts [herum]|rechtsherum|zur rechten seite|im uhrzeigersinn',
        'up': 'nach oben|hoch|rauf|hinauf',
        'down': 'nach unten|runter|hinunter|herunter',
        'around': 'umher|herum',
        'person': 'mich [an]|uns [an]|zu (mir|uns)|auf (mich|uns)',
    },
    'speed': {
        'slow': '[ganz|sehr] (langsam|vorsichtig)',
        'fast': '[ganz|sehr] schnell',
    },
    'arm': {
        'left': '[mit] (den|dem|deinen|deinem) linken arm|linken arm',
        'right': '[mit] (den|dem|deinen|deinem) rechten arm|rechten arm',
        'both': '[mit] (beide|beiden) (arme|armen)|(die|deine) arme',
        'either': '(den|deinen|einen) arm',
    },
    'hand': {
        'left': '[mit] (die|deine|der|deiner) (linke|linken) hand|(den|deinen) linken greifer',
        'right': '[mit] (die|deine|der|deiner) (rechte|rechten) hand|(den|deinen) rechten greifer',
        'both': '[mit] (beide|beiden) (hände|händen|greifer)|(die|deine) (hände|greifer)',
        'either': '(die|deine|eine) hand|(den|deinen) greifer',
    },
}

_GO = '(fahr|fahre|fahren|geh|gehe|gehen|beweg|bewege|bewegen|roll|rolle|rollen|lauf|laufe|laufen)'
_FRAMES = (
    Frame('move', f'{_GO} [dich]', 'length speed', 'forward back left right'),
    Frame('turn', '(dreh|drehe|drehen|rotier|rotiere|rotieren)', 'angle speed', 'left right'),
    Frame(
        'turn',
        '(dreh|drehe) dich [einmal] um|(dreh|drehe) um|umdrehen|(kehr|kehre) um|umkehren|wende'
        '|wenden|mach kehrt',
        'angle speed',
        'left right',
        values={'angle': math.pi},
    ),
    Frame('turn', 'mach|mache|machen', 'angle speed', 'left right', needs='amount'),
    Frame('turn', 'bieg|biege', 'angle speed', 'left right', ends='ab'),
    Frame(
        'home',
        '(fahr|fahre|geh|gehe|komm) [wieder|zurück] nach hause|nach hause (fahren|gehen|kommen)',
        texts={'what': 'place'},
    ),
    Frame(
        'home',
        '[geh|gehe|fahr] [in] (die|deine) (grundstellung|ruhestellung|grundposition)|grundstellung'
        '|ruhestellung|nimm die (grundstellung|ruhestellung) ein',
        texts={'what': 'posture'},
    ),
    Frame(
        'look_at',
        'schau|schaue|schauen|guck|gucke|gucken|blick|blicke|blicken|sieh|sehen|anschauen|ansehen'
        '|angucken',
        'angle speed',
        'left right up down forward around person',
    ),
    Frame('look_at', '(schau|schaue|sieh|guck) dich um', texts={'direction': 'around'}),
    Frame(
        'wave',
        '(wink|winke|winken) [mir|uns|ihm|ihr|ihnen|allen|den leuten] [mal|bitte] [zu]'
        '|[mir|uns|allen] zuwinken',
        'times arm hand',
    ),
    Frame('nod', '(nick|nicke|nicken) [mit (dem|deinem) kopf]|mit dem kopf nicken', 'times'),
    Frame(
        'shake_head',
        '(schüttel|schüttle|schüttele) [mit] (den|deinen|dem) kopf|(den|deinen) kopf schütteln',
        'times',
    ),
    Frame('gripper', 'öffne|öffnen|aufmachen', 'hand', needs='hand', texts={'action': 'open'}),
    Frame(
        'gripper',
        'schließ|schließe|schließen|zumachen',
        'hand',
        needs='hand',
        texts={'action': 'close'},
    ),
    Frame('gripper', 'mach|mache', 'hand', needs='hand', ends='auf', texts={'action': 'open'}),
    Frame('gripper', 'mach|mache', 'hand', needs='hand', ends='zu', texts={'action': 'close'}),
    Frame('arm', 'heb|hebe|heben', 'arm', 'up', needs='arm', texts={'action': 'raise'}),
    Frame('arm', 'heb|hebe|heben', 'hand', 'up', needs='hand', texts={'action': 'raise'}),
    Frame('arm', 'nimm', 'arm', 'up down', needs='arm direction'),
    Frame('arm', 'senk|senke|senken', 'arm', 'down', needs='arm', texts={'action': 'lower'}),
    Frame('motion', 'verbeug|verbeuge|verbeugen', texts={'name': 'bow'}),
    Frame('motion', 'tanz|tanze|tanzen', texts={'name': 'dance'}),
    Frame('motion', 'streck|strecke|strecken', texts={'name': 'stretch'}),
    Frame('follow', '(folg|folge) (mir|uns)|(mir|uns) folgen', texts={'state': 'on'}),
    Frame('follow', '(hör|höre) auf (mir|uns) zu folgen', texts={'state': 'off'}),
    Frame(
        'pace',
        '[fahr|fahre|geh|gehe] [ein (bisschen|wenig)|etwas] schneller [fahren|gehen]|beeil|beeile',
        texts={'change': 'faster'},
    ),
    Frame(
        'pace',
        '[fahr|fahre|geh|gehe] [ein (bisschen|wenig)|etwas] langsamer [fahren|gehen]',
        texts={'change': 'slower'},
    ),
    Frame(
        'continue',
        '(mach|mache|fahr|fahre|geh|gehe) weiter|weiter|weitermachen|weiterfahren|weitergehen'
        '|fortfahren|(fahr|fahre) fort|fortsetzen',
    ),
    Frame('status', 'status|statusbericht|(wie|was) ist dein status|bist du bereit'),
    Frame(
        'battery',
        '[wie (ist|voll ist|steht)] [der|die|dein|deine] (akku|batterie|akkustand|batteriestand'
        '|ladestand|ladezustand)|wie viel (akku|batterie|strom) hast du [noch]',
    ),
    Frame('', 'komm [her|hierher|näher|zu mir]', ask='come'),
    Frame('', f'{_GO} (zum|zur|in die|in das|ins|in den|an den|an die)', ask='place'),
    Frame('', 'setz dich [hin]|spring|springe|flieg|fliege|lächle|steh auf', ask='unable'),
)

_STOPPING = 'drehen|bewegen|fahren|gehen|winken|nicken|tanzen|laufen|rollen'
_HALVES = (('andert', 1.5), ('einein', 1.5), ('zweiein', 2.5), ('dreiein', 3.5), ('vierein', 4.5))
_OFTEN = 'ein zwei drei vier fünf sechs sieben acht neun zehn'.split()

GERMAN = Language(
    tag='de',
    numbers=RESPONDER.numbers,
    articles='ein|eine|einen|einem|einer',
    amounts=(
        ('[ein|eine|einen|einem|einer] (halb|halbe|halben|halber|halbes)', 0.5),
        ('[ein|eine|einen|einem|einer] viertel', 0.25),
        ('[ein|eine|einen] dreiviertel|drei viertel', 0.75),
        ('[ein|eine|einen] (ganze|ganzen|ganzes|volle|vollen)', 1.0),
        *((f'{word}halb', value) for word, value in _HALVES),
        ('[ein] dutzend', 12.0),
    ),
    extra=(('und [ein|eine|einen] (halb|halbe|halben|halber)', 0.5),),
    small='[nur] (ein (bisschen|wenig|stück|stückchen|klein wenig|kleines stück)|etwas|leicht)',
    vague='viel|weit|einige|ein paar|mehrere|manche|lange',
    around=(('[ganz] im kreis', 1.0),),
    often=tuple((f'{word}mal', n) for n, word in enumerate(_OFTEN, 1)),
    plus='und',
    by='(um|noch|weitere|für) [ungefähr|etwa|genau|nur]|ungefähr|etwa|genau|nur',
    units=Units(
        length=(
            ('kilometer|kilometern|km', 1000.0),
            ('meter|metern|m', 1.0),
            ('schritt|schritte|schritten', 0.3),
            ('zentimeter|zentimetern|cm', 0.01),
            ('millimeter|millimetern|mm', 0.001),
        ),
        angle=(('radiant', 1.0), ('grad|°', math.radians(1))),
        turns='umdrehung|umdrehungen|drehung|drehungen|runde|runden',
        times='mal|male',
        duration='sekunde|sekunden|minute|minuten|stunde|stunden',
    ),
    slots=_SLOTS,
    frames=_FRAMES,
    guards=Guards(
        negation='nicht|kein|keine|keinen|keinesfalls|nie|niemals|nirgends|ohne|nichts|statt'
        '|anstatt|sondern|weder|niemand|vergiss es|lass das',
        reported='er|sie|sagt|sagte|gesagt|meint|meinte|erzählt|ruft|rief|hat gesagt',
        condition='wenn|falls|sobald|bis|bevor|nachdem|während|ob|weil|sofern|außer|aber|es sei',
        doubt='vielleicht|eventuell|womöglich|wahrscheinlich|ich (glaube|denke|vermute)|oder|soll'
        '|sollte|solltest|sollen|würde|könnte|möglicherweise|entweder|angenommen',
        question='wer|was|wann|wo|wie|warum|wieso|weshalb|welche|welcher|welches|wohin|bist|ist'
        '|hast|hat|war|warst|soll|sollst|darf|darfst|muss|musst|kann (er|sie|ich|man|der|die|das)'
        '|weißt|wusstest',
    ),
    rewrites={'ok': 'okay', 'hoer': 'hör', 'haende': 'hände'},
    asking='(kannst|könntest|würdest|willst|magst) du [bitte|mal|bitte mal|mal bitte]|(könnten'
    '|würden) sie [bitte]',
    polite='bitte|sei so (gut|nett|lieb|freundlich) und|ich bitte dich',
    courtesy='bitte|danke|vielen dank|danke schön|mein freund|jetzt|sofort|okay',
    fillers='bitte|mal|jetzt|doch|sofort|einfach|dich|sich|äh|ähm|hm'
    '|nochmal|noch mal|wieder|erst|zuerst|gerne|dann|danach|anschließend|zum schluss',
    lead='okay|also|hallo|hey|hi|ja|gut|na gut|los|so|nun|und|guten (tag|morgen|abend)',
    joiners='und|und dann|und danach|und anschließend|sowie',
    corrections='nein [nein] [doch|quatsch|warte|entschuldigung|ich meine|ich meinte|lieber]'
    '|ich (meine|meinte)|quatsch|entschuldigung|besser gesagt|vielmehr|pardon|halt nein|sorry',
    plain_no='nein|nee|nö|nein nein',
    no_negates=False,
    hold='(stopp|stop|halt|warte|anhalten|stehenbleiben|pause|stillhalten) [an|hier|sofort|mal'
    '|jetzt|bitte]|halte an|halt mal an|(bleib|bleibe) [hier|da|sofort] (stehen|hier|da|ruhig'
    f' stehen)|stehen bleiben|(hör|höre) [sofort] auf [dich] zu ({_STOPPING})',
    stop='(notstopp|notstop|nothalt|notaus|not aus|not halt|not stopp) [bitte|jetzt|sofort]',
    hold_first='stopp|stop|halt|anhalten',
    not_hold='(stopp|stop) (die musik|das lied|schild|schilder)|halt (den mund|die klappe|mal'
    '|dich (fest|raus|da raus|bereit)|(das|es) fest|ein)|(hör|höre) auf [zu] (reden|sprechen'
    '|singen|quatschen)',
    stop_first='notstopp|notstop|nothalt|notaus',
    everybody='alle [roboter]|ihr alle|alle zusammen|ihr beide|alle beide',
    somebody='roboter|tektra|lieber roboter',
    both='und',
    minus='minus',
    not_mine='mach (das|die|den|dir|es|mir|uns|weiter so|ein foto|musik)|schau (mal wer|was|wie'
    '|wer|ob)|geh (weg|schlafen)|sieh (mal|dir)|komm (schon|gut)|heb (das|die|ab)|nimm (das|die'
    '|den|dir|mich)|weiter so|dreh (das|den|die)|weiter geht',
    play='(spiel|spiele|zeig|zeige) [mir|uns] [die|den|das] [bewegung]',
    verb_last=True,
    texts={
        'how_far': 'Wie weit? Sag zum Beispiel: einen Meter.',
        'which_side': 'Wie weit, und nach links oder nach rechts?',
        'which_way': 'Wohin?',
        'which_arm': 'Mit welchem Arm, dem linken oder dem rechten?',
        'what_unit': '{n} wovon? Sag es mit der Einheit, zum Beispiel Meter oder Grad.',
        'unclear': 'Ich habe „{said}“ verstanden, aber nicht alles. Sag es bitte anders.',
        'rest': 'Ich habe „{said}“ verstanden, aber nicht „{rest}“. Was soll ich tun?',
        'range': '{value} geht nicht: es muss zwischen {low} und {high} liegen.',
        'length': '{n} Meter',
        'angle': '{n} Grad',
        'times': '{n} Mal',
        'nothing': 'Was soll ich tun? Sag zum Beispiel: fahr einen Meter vorwärts.',
        'negation': 'Das mache ich nicht.',
        'reported': 'Ich tue nur, was man mir selbst sagt.',
        'condition': 'Auf eine Bedingung kann ich nicht warten. Sag mir, wenn es so weit ist.',
        'doubt': 'Ich bin nicht sicher, ob ich soll. Sag mir bitte klar, was ich tun soll.',
        'duration': 'Ich fahre nach Strecke und Winkel, nicht nach Zeit. Wie weit?',
        'contradiction': 'Das widerspricht sich. Sag es bitte noch einmal.',
        'correction': 'Was soll ich stattdessen tun? Sag bitte den ganzen Befehl noch einmal.',
        'unfinished': 'Damit warte ich. Was soll ich stattdessen tun?',
        'too_many': 'Das sind mehr als {n} Schritte. Sag mir bitte weniger auf einmal.',
        'too_long': 'Das ist mir zu lang. Sag es bitte kürzer.',
        'one_robot': 'Bitte ein Roboter nach dem anderen: wen meinst du?',
        'confirm': 'Soll ich das wirklich tun?',
        'confirm_amount': 'Das sind {value}. Soll ich das wirklich tun?',
        'sideways': 'Soll ich mich dorthin drehen oder seitwärts fahren, und wie weit?',
        'place': 'Einen Ort mit diesem Namen kenne ich nicht.',
        'come': 'Ich weiß nicht, wie weit das ist. Sag: folge mir, oder wie weit ich fahren soll.',
        'home': 'Soll ich nach Hause fahren oder die Grundstellung einnehmen?',
        'unable': 'Das kann mein Körper nicht.',
    },
)
