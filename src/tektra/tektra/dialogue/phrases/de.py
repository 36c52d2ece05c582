"""German."""

from __future__ import annotations

import re
from datetime import datetime

from tektra.dialogue.phrases.table import Numbers, Table, listed, patterns

_UNITS = listed(
    'null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn '
    'fünfzehn sechzehn siebzehn achtzehn neunzehn'
)
_TENS = listed('zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig')
_DAYS = listed('Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag')
_MONTHS = listed(
    'Januar Februar März April Mai Juni Juli August September Oktober November Dezember'
)


def _small() -> dict[str, int]:
    words = {word: i for i, word in enumerate(_UNITS)} | {'ein': 1, 'eine': 1}
    for t, tens in enumerate(_TENS):
        words[tens] = 20 + 10 * t
        for unit in range(1, 10):
            stem = 'ein' if unit == 1 else _UNITS[unit]
            words[f'{stem}und{tens}'] = 20 + 10 * t + unit
    return words


def _time(t: datetime) -> str:
    return f'Es ist {t.hour} Uhr.' if t.minute == 0 else f'Es ist {t.hour} Uhr {t.minute}.'


def _date(t: datetime) -> str:
    return f'Heute ist {_DAYS[t.weekday()]}, der {t.day}. {_MONTHS[t.month - 1]} {t.year}.'


_PATTERNS = {
    'stop_talking': r'sei (?:still|ruhig|leise)|ruhe|hör auf(?: zu '
    'reden)?|genug|schweig|still|vergiss es',
    'wait': r'stop|stopp|halt|warte(?: mal)?|moment(?: mal)?',
    'how_are_you': (
        r"wie geht(?: es|'s|s) (?:dir|ihnen)(?: heute)?|wie geht's|geht es dir gut|wie gehts"
    ),
    'goodbye': r'tschüss|tschüs|auf wiedersehen|bis (?:bald|später|morgen)|gute '
    "nacht|ciao|mach's gut",
    'greeting': r'(?:hallo|hi|hey|guten (?:morgen|tag|abend)|servus|moin|grüß gott|grüß dich)(?: '
    '(?:du|zusammen))?',
    'help': r'hilfe|hilf mir|was kannst du(?: alles| machen| tun)?|was kann ich '
    '(?:sagen|fragen)|kannst du mir helfen',
    'time': r'wie spät ist es|wie viel uhr ist es|wieviel uhr ist es|sag mir die uhrzeit|wie ist '
    'die uhrzeit|uhrzeit',
    'date': (
        r'(?:welcher|welchen) tag (?:ist heute|haben wir(?: heute)?)|was ist heute für ein tag'
        r'|(?:welches|was ist das) datum(?: ist heute| heute| haben wir(?: heute)?)?'
        r'|der wievielte ist heute'
    ),
    'ask_name': r'wie hei(?:ß|ss)e ich|wer bin ich|was ist mein name|kennst du meinen namen',
    'tell_name': (
        r"(?:ich hei(?:ß|ss)e|mein name ist|nenn mich) (?P<name>[^\W\d][\w' -]*)"
        r"|ich bin (?P<maybe>[^\W\d][\w'-]*)"
    ),
    'who_are_you': r'wer bist du|was bist du|wie hei(?:ß|ss)t du|wie ist dein name|stell dich '
    'vor|bist du ein roboter',
    'thanks': r'danke(?: (?:schön|sehr|dir))?|vielen dank|besten dank|tausend dank|gut gemacht',
    'yes': r'ja(?: (?:bitte|genau|gerne))?|jawohl|genau|richtig|stimmt|okay|ok|klar|sicher|das '
    'stimmt',
    'no': r'nein(?: danke)?|nö|nee|falsch|das stimmt nicht|nicht jetzt|lieber nicht',
    'repeat': (
        r'(?:sag|wiederhol|wiederhole) das(?: noch ?(?:ein)?mal)?|wiederhole?|noch ?(?:ein)?mal'
        r'|wie bitte'
        r'|was hast du gesagt|sag das bitte noch ?(?:ein)?mal'
    ),
    'command': (
        r'(?:geh|gehe|fahr|fahre|dreh|drehe|komm|folge?|schau|nicke?|winke?|hebe?|öffne|schließe?'
        r'|nimm|bring|gib'
        r'|stopp|halt|lauf|bewege?|setz|steh|tanze?|vorwärts|rückwärts|links|rechts|zurück)\b.*'
    ),
}

_TEXTS = {
    'greeting': 'Hallo. Was kann ich für dich tun?',
    'greeting_named': 'Hallo {name}. Was kann ich für dich tun?',
    'how_are_you': 'Mir geht es gut, danke. Alle meine Teile laufen.',
    'help': (
        'Du kannst mich nach der Uhrzeit oder dem Datum fragen, mir eine Rechnung stellen oder '
        'mir deinen Namen sagen. Sag: Sei still, und ich bin ruhig. Es ist kein Sprachmodell '
        'angeschlossen.'
    ),
    'name_learnt': 'Freut mich, {name}. In diesem Gespräch merke ich mir deinen Namen.',
    'name_known': 'Du heißt {name}.',
    'name_unknown': 'Du hast mir deinen Namen noch nicht gesagt.',
    'who_are_you': (
        'Ich bin {me}, die Stimme eines Roboters. Ich antworte nach einfachen Regeln. Es ist '
        'noch kein Sprachmodell angeschlossen.'
    ),
    'thanks': 'Gern geschehen.',
    'goodbye': 'Auf Wiedersehen.',
    'goodbye_named': 'Auf Wiedersehen, {name}.',
    'yes': 'In Ordnung.',
    'no': 'In Ordnung, dann nicht.',
    'stop_talking': 'Okay.',
    'command': 'Ich habe verstanden: {text}. Ich habe noch keinen Körper, den ich bewegen könnte.',
    'fallback': (
        'Ich habe verstanden: {text}. Es ist kein Sprachmodell angeschlossen, deshalb habe ich '
        'darauf keine Antwort. Ich kann dir die Uhrzeit und das Datum sagen, rechnen und mir '
        'deinen Namen merken.'
    ),
    'ask_back': 'Hast du gesagt: {text}?',
    'ask_back_no': 'Dann sag es bitte noch einmal.',
    'unsure': 'Ich bin noch nicht sicher. Sag es bitte langsam noch einmal, oder tippe es.',
    'repeat_none': 'Ich habe noch nichts gesagt.',
    'sum': '{spoken} ist {value}.',
    'sum_about': '{spoken} ist ungefähr {value}.',
    'divide_by_zero': 'Durch null kann man nicht teilen.',
    'count_limit': 'Ich zähle von null bis hundert.',
    'about': 'Ich bin {me}, eine Gruppe kleiner Programme, die über ROS 2 miteinander sprechen.',
    'lost_hearing': 'Ich kann dich gerade nicht hören. Du kannst mir tippen.',
    'back_hearing': 'Ich habe einen Moment nichts gehört. Jetzt höre ich wieder zu.',
    'lost_voice': 'Ich habe meine Stimme verloren.',
    'back_voice': 'Meine Stimme war einen Moment weg. Jetzt ist sie wieder da.',
    'lost_thread': 'Ich kann dem Gespräch gerade nicht folgen.',
    'back_thread': 'Ich habe kurz den Faden verloren. Sag das bitte noch einmal.',
    'failed': 'Entschuldigung, mir ist keine Antwort eingefallen. In mir ist etwas '
    'schiefgegangen.',
}

GERMAN = Table(
    tag='de',
    patterns=patterns(_PATTERNS),
    texts=_TEXTS,
    numbers=Numbers(
        small=_small(),
        hundreds={'hundert': 100},
        scales={'tausend': 1000, 'million': 10**6, 'millionen': 10**6},
        joiners=frozenset({'und'}),
        articles=frozenset({'ein', 'eine'}),
        points=frozenset({'komma'}),
        operators={
            'multipliziert mit': '*', 'geteilt durch': '/', 'durch': '/', 'mal': '*', 'plus': '+',
            'und': '+', 'minus': '-', 'weniger': '-', 'x': '*',
        },
        spoken={'+': 'plus', '-': 'minus', '*': 'mal', '/': 'geteilt durch'},
        decimal_mark=',',
    ),
    sums=re.compile(r'(?:was (?:ist|sind|ergibt)|wie ?viel (?:ist|sind|ergibt)|rechne(?: aus)?) '),
    address=re.compile(
        r'^(?:(?:hallo|hey|okay) (?:roboter|tektra)\b|(?:bitte|jetzt|also|äh|ähm|roboter|tektra'
        r'|hey)\b'
        r'|(?:kannst|könntest) du(?: bitte)?\b)'
    ),
    courtesy=re.compile(r'(?: (?:bitte|jetzt|roboter|tektra))$'),
    say_time=_time,
    say_date=_date,
    not_names=frozenset(
        listed(
        'müde hungrig durstig gut da hier bereit fertig traurig froh glücklich krank sicher '
        'nicht ein eine der die das so sehr zurück allein wieder'
        )
    ),
)  # fmt: skip
