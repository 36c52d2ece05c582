"""English."""

from __future__ import annotations

import re
from datetime import datetime

from tektra.dialogue.phrases.table import Numbers, Table, listed, patterns

_UNITS = listed(
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
    'fifteen sixteen seventeen eighteen nineteen'
)
_TENS = listed('twenty thirty forty fifty sixty seventy eighty ninety')
_DAYS = listed('Monday Tuesday Wednesday Thursday Friday Saturday Sunday')
_MONTHS = listed(
    'January February March April May June July August September October November December'
)

NUMBERS = Numbers(
    small={w: i for i, w in enumerate(_UNITS)}
    | {w: 20 + 10 * i for i, w in enumerate(_TENS)}
    | {'oh': 0, 'nought': 0},
    hundreds={'hundred': 100},
    scales={'thousand': 1000, 'million': 10**6, 'billion': 10**9},
    joiners=frozenset({'and'}),
    articles=frozenset({'a'}),
    points=frozenset({'point', 'dot'}),
    operators={
        'multiplied by': '*', 'divided by': '/', 'times': '*', 'plus': '+', 'added to': '+',
        'minus': '-', 'less': '-', 'negative': '-', 'over': '/', 'x': '*',
    },
    spoken={'+': 'plus', '-': 'minus', '*': 'times', '/': 'divided by'},
    decimal_mark='.',
)  # fmt: skip


def cardinal(n: int) -> str:
    """Return 0..100 in words."""
    if n < 20:
        return _UNITS[n]
    if n == 100:
        return 'one hundred'
    tens = _TENS[n // 10 - 2]
    return tens if n % 10 == 0 else f'{tens}-{_UNITS[n % 10]}'


def _time(t: datetime) -> str:
    return f'It is {t.hour % 12 or 12}:{t.minute:02d} {"AM" if t.hour < 12 else "PM"}.'


def _date(t: datetime) -> str:
    return f'Today is {_DAYS[t.weekday()]}, {_MONTHS[t.month - 1]} {t.day}, {t.year}.'


_BE = "(?: is|'s)"
_PATTERNS = {
    'stop_talking': (
        r'(?:stop|quit) (?:talking|speaking|it)|be (?:quiet|silent)|shut up|quiet|silence|hush'
        r"|(?:that's |that is )?enough|never mind|forget it|cancel(?: that)?"
    ),
    'wait': r'stop|wait|hold on|wait a (?:moment|minute|second)|halt|hold',
    'how_are_you': (
        r"how are you(?: doing)?(?: today)?|how do you do|how(?: is|'s) it going|how do you feel"
        r'|are you (?:ok|okay|all right|alright|fine|well)'
    ),
    'nice': r'(?:it is |it\'s )?(?:nice|good|great|pleased) to meet you(?: too)?',
    'ready': r'are you (?:ready|there|awake|listening)|can you hear me',
    'status': (
        r'status(?: report)?|battery(?: level| status)?|how(?: is|\'s) your battery'
        rf'|what{_BE} your (?:status|battery(?: level| status)?)|report(?: your status)?'
    ),
    'goodbye': (
        r'good ?bye|bye(?: bye)?|see you(?: later| soon| tomorrow)?|good night|farewell|so long'
        r'|have a (?:nice|good) day|i have to go'
    ),
    'greeting': (
        r'(?:hello|hi|hey|greetings|howdy|good (?:morning|afternoon|evening|day))'
        r'(?: (?:there|again|everyone|my friend|hello|hi|hey|okay|robot|tektra))*'
    ),
    'help': (
        r'help(?: me)?(?: please)?|what can (?:you do|i say|i ask(?: you)?)'
        r'|how can you help(?: me)?'
        r'|what do you (?:know|understand)|what are you able to do|what should i say'
    ),
    'time': (
        rf'what time is it(?: now)?|what{_BE} the time(?: now)?|(?:tell|give) me the time'
        r'|do you (?:know|have) (?:what time it is|the time)|what time it is|the time'
        r'|how late is it|tell me what time it is'
    ),
    'year': r"(?:what|which) year is it|what(?: is|'s) the year",
    'date': (
        rf"what{_BE} (?:the date|today's date|the date today|today)"
        r'|what day is (?:it|today)(?: today)?'
        r"|which day is (?:it|today)|(?:tell me )?(?:the|today's) date|what month is it"
        r"|tell me (?:what day it is|the day)|what(?: is|'s) the day(?: today)?"
    ),
    'ask_name': (
        rf'what{_BE} my name|who am i|do you (?:know|remember) (?:my name|who i am|me)|say my name'
        r'|what did i say my name was'
    ),
    'tell_name': (
        r"my name(?: is|'s) (?P<name>[^\W\d][\w'-]*(?: [^\W\d][\w'-]*){0,2})"
        r"|(?:you can call me|call me|i am|i'm) (?P<maybe>[^\W\d][\w'-]*)"
    ),
    'who_made_you': (
        r'who (?:made|built|created|programmed|invented) you|where (?:do you come|are you) from'
    ),
    'who_are_you': (
        rf'who are you|what are you(?: called)?|what{_BE} your name|introduce yourself|who is this'
        r'|are you (?:a )?(?:robot|human|real|person|machine|an ai)|tell me your name'
        r'|do you have a name'
        r'|are you (?:chat ?gpt|siri|alexa|tektra)'
    ),
    'thanks': (
        r'(?:thank you|thanks)(?: (?:very|so) much| a lot| again| for .+)?|many thanks|cheers'
        r'|(?:well done|good job|very good|nice work|good robot)'
    ),
    'yes': (
        r'(?:oh )?(?:yes|yeah|yep|yup|sure|okay|ok|right|correct|exactly|of course|all right'
        r'|alright|fine)'
        r"(?: (?:please|yes|i did|it is|that's right|sure))?"
        r"|(?:that(?: is|'s)|you are|you're) (?:right|correct)|i did|absolutely|definitely"
    ),
    'no': (
        r"(?:no|nope|nah|no no)(?: (?:thank you|thanks|i did not|i didn't|it is not|please))?"
        r"|(?:that(?: is|'s)|you are|you're) (?:wrong|not right|incorrect)|not (?:now|really)"
        r'|wrong'
        r"|i (?:did not|didn't)"
    ),
    'joke': r'(?:tell|say) (?:me )?(?:a|another) joke|make me laugh|do you know (?:a|any) jokes?',
    'story': (
        r'(?:tell|read) (?:me |us )?(?:a|another|the|one more)(?: (?:long|short|good|bedtime'
        r'|nice))? story'
        r'|i want (?:to hear )?a story|do you know (?:a|any) (?:story|stories)|say something long'
        r'|talk for (?:a long time|two minutes|a while)|(?:just )?keep talking'
    ),
    'about': (
        r'(?:tell me (?:more )?|talk )about (?:yourself|you)|describe yourself|how do you work'
    ),
    'repeat': (
        r'(?:say|repeat) (?:that|it|this)(?: again| once more)?(?: please)?|repeat|again|once more'
        r'|what did you (?:just )?say|pardon(?: me)?|come again|(?:sorry|excuse me)(?: what)?|what'
        r"|i (?:did not|didn't) (?:hear|catch|understand) (?:you|that|it)|say again"
        r'|what was that|repeat yourself'
    ),
    'count': r'count(?: up)? (?:from (?P<first>.+?) )?to (?P<last>.+)',
    'voice': (
        r'(?:speak|talk)(?: a (?:bit|little))? (?:louder|slower|faster|up|quieter|more \w+)'
        r'|(?:louder|quieter|volume (?:up|down))'
    ),
    'command': (
        r'(?:go|move|drive|walk|run|turn|rotate|spin|come|follow|back|look|nod|wave|raise|lower'
        r'|lift|drop|open|close|grab|pick|put|take|bring|fetch|point|face|stand|sit|dance|smile'
        r'|shake|stay|freeze|continue|resume|carry on|speed up|slow down|faster|slower|wake up'
        r'|stop|wait|hold|halt|emergency stop|push|pull|climb|jump|step|reverse|approach|navigate'
        r'|return|park|dock|undock|clean|start moving|keep going|forwards?|backwards?|left'
        r'|right|straight ahead|switch|press)\b.*'
    ),
}

_STORY = (
    'Once upon a time, on a hill above a small harbour, there stood a lighthouse that had grown '
    'tired of the dark. Every evening it lit its lamp, turned its great glass eye, and counted '
    'the boats as they came home. There were eleven boats, and there were always eleven. So the '
    'lighthouse thought that nothing new would ever happen to it.\n\n'
    'One night in November the fog came up from the sea, so thick that the lamp could not see '
    'its own light. The lighthouse counted by the sound of the engines instead. Seven, eight, '
    'nine, ten. Then there was nothing but the water against the stones. It waited, and it '
    'counted again, and again there were ten. The eleventh boat was a little red one, and it '
    'belonged to a girl called Marta, who had only just learned to steer it.\n\n'
    'The lighthouse could not walk, and it could not shout. It had only its lamp. But it '
    'remembered that the old keeper, long ago, used to knock on the iron railing when he wanted '
    'his dog to come home. Three slow knocks, then a rest, then three again. So the lighthouse '
    'shook itself, a very little, as only a very old building can. The loose railing struck the '
    'wall. Three slow knocks, then a rest, then three again.\n\n'
    'Out in the fog Marta had stopped her engine to listen, because her grandfather had taught '
    'her that a sailor who is lost must first be quiet. She heard the waves on one side, and she '
    'heard the knocking on the other. She turned the little red boat towards the knocking, '
    'slowly, and when the sound grew louder she smiled, and when it grew softer she turned '
    'again. After a while there was a pale glow above her, and under the glow there were the '
    'harbour stones, and on the stones stood her grandfather with a blanket and a very large cup '
    'of soup.\n\n'
    'In the morning the whole village climbed the hill to see who had been knocking. They found '
    'nobody. They only found a railing that had worn a small bright mark into the wall. The '
    'mayor wanted to repair it at once, but Marta asked him to leave it as it was. She tied a '
    'bell to it instead, so that nobody would have to shake a whole lighthouse again.\n\n'
    'Since then, on foggy nights, the bell rings three times, and then it rests. And the '
    'lighthouse still counts the boats. There are still eleven of them. But it does not think '
    'any more that nothing new will ever happen. It listens. That is the end of the story.'
)

_TEXTS = {
    'greeting': 'Hello. What can I do for you?',
    'greeting_named': 'Hello, {name}. What can I do for you?',
    'how_are_you': 'I am well, thank you. All my parts are running.',
    'nice': 'It is nice to meet you too.',
    'ready': 'Yes, I am here and I am listening.',
    'status': 'I am awake and listening. I have no body yet, so there is no battery to report.',
    'help': (
        'You can ask me for the time or the date, give me a sum, ask me to count, tell me your '
        'name, or ask me for a story. Say stop talking and I am quiet. No language model is '
        'connected, so I cannot talk about everything yet.'
    ),
    'year': 'It is {year}.',
    'name_learnt': 'Nice to meet you, {name}. I will remember your name in this conversation.',
    'name_known': 'Your name is {name}.',
    'name_unknown': 'You have not told me your name yet. Say: my name is, and then your name.',
    'who_are_you': (
        'I am {me}, the voice of a robot. My answers come from simple rules. No language model '
        'is connected to me yet.'
    ),
    'who_made_you': 'I am free software, made by the people of the Tektra project.',
    'thanks': 'You are welcome.',
    'goodbye': 'Goodbye.',
    'goodbye_named': 'Goodbye, {name}.',
    'yes': 'All right.',
    'no': 'All right, no.',
    'stop_talking': 'Okay.',
    'command': 'I heard: {text}. I have no body to move yet.',
    'fallback': (
        'I understood: {text}. No language model is connected, so I have no answer to that. I '
        'can tell you the time and the date, do sums, count, remember your name and tell a story.'
    ),
    'ask_back': 'Did you say: {text}?',
    'ask_back_no': 'Then please say it again.',
    'unsure': 'I am still not sure what you said. Please say it again slowly, or type it.',
    'repeat_none': 'I have not said anything yet.',
    'sum': '{spoken} is {value}.',
    'sum_about': '{spoken} is about {value}.',
    'divide_by_zero': 'Nothing can be divided by zero.',
    'count_limit': 'I count between zero and one hundred.',
    'joke': (
        'Why did the robot go on holiday? It needed to recharge its batteries. I am sorry. It is '
        'the only one I know.'
    ),
    'voice': 'I cannot change my voice when asked yet. The settings of the speech node can.',
    'story': _STORY,
    'about': (
        'I am {me}. I am a group of small programs that talk to each other over ROS 2. One '
        'listens to the microphone and notices when somebody speaks. One turns the speech into '
        'words. One decides whose turn it is, so that I do not talk while you do. This one, '
        'which writes the answers, knows only simple rules, because no language model is '
        'connected yet. Another one turns the answers into speech. Everything runs on this '
        'machine, and nothing that you say leaves it. If one of us fails, the others go on and I '
        'tell you so.'
    ),
    'lost_hearing': 'I cannot hear you at the moment. You can type to me.',
    'back_hearing': 'I lost my hearing for a moment. I am listening again.',
    'lost_voice': 'I have lost my voice.',
    'back_voice': 'I lost my voice for a moment. It is back.',
    'lost_thread': 'I cannot follow the conversation at the moment.',
    'back_thread': 'I lost the thread for a moment. Please say that again.',
    'failed': 'I am sorry, I could not think of an answer. Something went wrong inside me.',
}

ENGLISH = Table(
    tag='en',
    patterns=patterns(_PATTERNS),
    texts=_TEXTS,
    numbers=NUMBERS,
    sums=re.compile(
        r"(?:so |and )?(?:what(?: is|'s| are)|how much (?:is|are|makes)|calculate|compute"
        r'|work out|tell me|add up|do you know what|solve)(?: the result of)? '
    ),
    address=re.compile(
        r'^(?:(?:hello|hi|hey|okay|ok) (?:robot|tektra)\b|(?:please|now|well|so|um|uh|er|robot'
        r'|tektra|hey|and)\b'
        r'|(?:can|could|would|will) you(?: please)?\b|i (?:want|would like|\'d like) you to\b'
        r'|do you know(?= (?:what|who|how)\b))'
    ),
    courtesy=re.compile(
        r'(?: (?:please|now|(?:(?:hello|hi|hey|okay) )?(?:robot|tektra)|for me|today|equals?|then'
        r'|um|uh))$'
    ),
    say_time=_time,
    say_date=_date,
    not_names=frozenset(
        listed(
            'fine good well tired hungry thirsty happy sad sorry here ready back okay ok sure '
            'not lost bored busy cold hot late sick old new home alone afraid angry glad done '
            'the a an in at on from your my going just very so later back tomorrow leaving '
            'confused right wrong curious lonely asleep awake'
        )
    ),
)
