"""English."""

from __future__ import annotations

import math

from tektra.commands.languages.table import Frame, Guards, Language, Units
from tektra.dialogue.phrases.en import NUMBERS

_HEAD = '(your|the) head'
_ME = 'me|us'
_HAND = '(hand|gripper|claw|fingers)'

_SLOTS = {
    'direction': {
        'forward': '[straight] (forward|forwards|ahead|onward|onwards)|straight [on]',
        'back': '[straight] (back|backward|backwards)|to the (back|rear)|in reverse',
        'left': '[to|on|towards|toward] (the|your) left [side|hand side]|[to] left|leftward'
        '|leftwards|counterclockwise|counter clockwise|anticlockwise|anti clockwise',
        'right': '[to|on|towards|toward] (the|your) right [side|hand side]|[to] right|rightward'
        '|rightwards|clockwise',
        'up': 'up|upward|upwards|to the ceiling|at the ceiling',
        'down': 'down|downward|downwards|to the (floor|ground)|at the (floor|ground)',
        'around': 'around|round|about|all around',
        'person': f'(at|to|towards) ({_ME})|{_ME}',
    },
    'speed': {
        'slow': '[very|more] (slow|slowly|gently|carefully)|at low speed',
        'fast': '[very] (quickly|fast|quick)|at (full|high|top) speed',
    },
    'arm': {
        'left': '[with|using] [your|the] left arm',
        'right': '[with|using] [your|the] right arm',
        'both': '[with|using] (both|both your|both of your|your|the|your two) arms',
        'either': '[with|using] (your|the|an|one|one of your) arm|one of your arms',
    },
    'hand': {
        'left': f'[with|using] [your|the] left {_HAND}',
        'right': f'[with|using] [your|the] right {_HAND}',
        'both': '[with|using] [both|both your|both of your|your|the|your two] '
        '(hands|grippers|claws)',
        'either': '[with|using] [your|the|a|one] (hand|gripper|claw)|(your|the) fingers',
    },
}

_GO = '(go|move|drive|walk|run|roll|travel|head|proceed)'
_FRAMES = (
    Frame('move', _GO, 'length speed', 'forward back left right'),
    Frame('move', 'advance', 'length speed', 'forward', texts={'direction': 'forward'}),
    Frame('move', 'step', 'length speed', 'forward back left right', values={'length': 0.3}),
    Frame('move', 'take', 'length speed', 'forward back left right', needs='amount'),
    Frame(
        'move',
        '[move|go|drive] (back up|backup)|reverse|back (away|off)',
        'length speed',
        'back',
        texts={'direction': 'back'},
    ),
    Frame('turn', '(turn|rotate|spin|pivot|swivel) [yourself]', 'angle speed', 'left right'),
    Frame(
        'turn',
        '(turn|rotate|face) [yourself] [right|all] (around|round)|about face'
        '|(make|do) (a u turn|an about face)',
        'angle speed',
        'left right',
        values={'angle': math.pi},
    ),
    Frame(
        'turn',
        '(spin|twirl) [yourself] (around|round)|(turn|spin|go|rotate) all the way (around|round)',
        'angle speed',
        'left right',
        values={'angle': math.tau},
    ),
    Frame('turn', '(make|do|take)', 'angle speed', 'left right', needs='amount'),
    Frame('turn', '(make|take|hang|do) a left [turn]', 'angle speed', texts={'direction': 'left'}),
    Frame(
        'turn', '(make|take|hang|do) a right [turn]', 'angle speed', texts={'direction': 'right'}
    ),
    Frame(
        'go_to',
        f'({_GO}|navigate|come) [over] to [the] [position|point|coordinate|coordinates|pose'
        '|location|place]',
        'coordinates',
        needs='coordinates',
    ),
    Frame('', f'({_GO}|navigate) [over] to', ask='place'),
    Frame('', 'navigate', ask='place'),
    Frame(
        'home',
        '(go|come|drive|return|head|move|get) [back] home|return to (base|home|the start)'
        '|(go|drive|come|return) [back] to (the start|your start|where you started|your home|base'
        '|the (starting|start) (point|position))',
        texts={'what': 'place'},
    ),
    Frame(
        'home',
        '[go to|move to|take|assume|return to] [the|your] (home|rest|resting|neutral)'
        ' (position|posture|pose)|(relax|rest|reset) (your arms|your posture|your pose)',
        texts={'what': 'posture'},
    ),
    Frame('', 'home', ask='home'),
    Frame(
        'look_at',
        f'look|gaze|glance|(turn|tilt|move|rotate|pan) {_HEAD}',
        'angle speed',
        'left right up down forward around person',
    ),
    Frame(
        'look_at',
        'look (at|to|toward|towards) [the] [point|position]',
        'coordinates',
        needs='coordinates',
    ),
    Frame('look_at', f'(raise|lift) {_HEAD}', 'angle', texts={'direction': 'up'}),
    Frame('look_at', f'(lower|drop) {_HEAD}', 'angle', texts={'direction': 'down'}),
    Frame(
        'point_at',
        'point [(your|the|a|one) (finger|arm|hand)]',
        'arm hand',
        'left right up down forward person',
    ),
    Frame(
        'point_at',
        'point (at|to|toward|towards) [the] [point|position]',
        'coordinates arm hand',
        needs='coordinates',
    ),
    Frame(
        'wave',
        '(wave|give (me|us) a wave) [hello|hi|goodbye|good bye|bye|bye bye]'
        ' [(to|at) (me|us|them|him|her|everyone|everybody|all|you all|the (people|audience|crowd'
        '|camera|children|kids|visitors|guests))]',
        'times arm hand',
    ),
    Frame('nod', f'nod [{_HEAD}] [yes|at me]|give (me|us) a nod', 'times'),
    Frame('shake_head', f'shake {_HEAD} [no]', 'times'),
    Frame('gripper', 'open [up]', 'hand', needs='hand', texts={'action': 'open'}),
    Frame('gripper', 'close|shut', 'hand', needs='hand', texts={'action': 'close'}),
    Frame('arm', 'raise|lift [up]|put up', 'arm', 'up', needs='arm', texts={'action': 'raise'}),
    Frame('arm', 'raise|lift [up]|put up', 'hand', 'up', needs='hand', texts={'action': 'raise'}),
    Frame('arm', 'lower|drop|put down', 'arm', 'down', needs='arm', texts={'action': 'lower'}),
    Frame('arm', 'lower|drop|put down', 'hand', 'down', needs='hand', texts={'action': 'lower'}),
    Frame('arm', 'put|move|hold|bring', 'arm', 'up down', needs='arm direction'),
    Frame('arm', 'put|move|hold|bring', 'hand', 'up down', needs='hand direction'),
    Frame('arm', '(hands|arms) up', texts={'action': 'raise', 'side': 'both'}),
    Frame('arm', '(hands|arms) down', texts={'action': 'lower', 'side': 'both'}),
    Frame('motion', '(bow|take a bow) [down] [to (me|us)]', texts={'name': 'bow'}),
    Frame('motion', 'stretch [yourself|your arms]', texts={'name': 'stretch'}),
    Frame('motion', '(dance|do a dance) [for (me|us)|a little]', texts={'name': 'dance'}),
    Frame(
        'follow',
        f'(follow|start following|keep following|come [along] with|walk with|come after) ({_ME})',
        texts={'state': 'on'},
    ),
    Frame('follow', f'(stop|quit) following [{_ME}]', texts={'state': 'off'}),
    Frame(
        'pace',
        '[go|move|drive|walk|run|be] [a (little|bit|little bit)] (faster|quicker|more quickly)'
        '|speed [it] up [a (little|bit|little bit)]|hurry [up]',
        texts={'change': 'faster'},
    ),
    Frame(
        'pace',
        '[go|move|drive|walk|run|be] [a (little|bit|little bit)] (slower|more slowly)'
        '|slow [it] down [a (little|bit|little bit)]',
        texts={'change': 'slower'},
    ),
    Frame(
        'continue',
        'continue [moving|driving|on|with (it|that|your (plan|work|task))]|(go|carry) on|resume'
        '|keep (going|moving)',
    ),
    Frame(
        'status',
        '[(give|tell) me|report|show me|what is] [a|the|your] (status|state) [report]|are you'
        ' ready|report',
    ),
    Frame(
        'battery',
        '(tell me|report|what is|how is|how full is|check|show me) [the|your] '
        '(battery|charge|battery charge|charge level|battery level|battery status|state of charge)'
        ' [level|status] [like]|battery [level|status|charge|report]|how much (battery|charge'
        '|power|energy) (do you have|is) [left]|how charged are you|do you need charging'
        '|are you (charged|low on battery)',
    ),
    Frame(
        '',
        'come [over|right|back] (here|over|back|closer|nearer|to (me|us))|come [back]|approach'
        ' [me]|get over here|come here',
        ask='come',
    ),
    Frame(
        '',
        'sit [down]|stand up|lie down|jump|fly|swim|climb|smile|frown|laugh|wink|kneel|crouch'
        '|go to sleep|wake up|hop|clap [your hands]',
        ask='unable',
    ),
)

_STOPPING = (
    'moving|turning|driving|going|walking|rotating|spinning|rolling|waving|nodding|dancing'
    '|looking|pointing|shaking|running'
)

ENGLISH = Language(
    tag='en',
    numbers=NUMBERS,
    articles='a|an|one single|a single',
    amounts=(
        ('half [of] [a|an]|[a|one] half [a|an|of a|of an]', 0.5),
        ('quarter [of] [a|an]|(a|one) quarter [of a|of an]', 0.25),
        ('three quarters [of] [a|an]', 0.75),
        ('(a|one) third [of] [a|an]', 1 / 3),
        ('two thirds [of] [a|an]', 2 / 3),
        ('[a|one] (full|whole|complete)', 1.0),
        ('[a|one] dozen', 12.0),
        ('half a dozen', 6.0),
        ('a couple [of]', 2.0),
    ),
    extra=(
        ('and [a|one] half', 0.5),
        ('and (a|one) quarter', 0.25),
        ('and three quarters', 0.75),
    ),
    small='[just|only] (a (little [bit]|bit|tad|touch|tiny bit|wee bit)|slightly|a little bit'
    ' more|a bit more|a little more)',
    vague='a few|few|several|many|some|a lot|far|a while|a lot of|a long way|a good way',
    around=(('all the way around', 1.0), ('in a circle|full circle', 1.0)),
    often=(('once', 1), ('twice', 2), ('thrice', 3)),
    plus='and',
    by='(by|for|through|another|a distance of|an angle of) [about|roughly|approximately|exactly'
    '|precisely|only|just]|about|roughly|approximately|exactly|precisely|only|just',
    units=Units(
        length=(
            ('kilometer|kilometers|kilometre|kilometres|km', 1000.0),
            ('meter|meters|metre|metres|m', 1.0),
            ('yard|yards|yd', 0.9144),
            ('foot|feet|ft', 0.3048),
            ('step|steps|pace|paces', 0.3),
            ('inch|inches', 0.0254),
            ('centimeter|centimeters|centimetre|centimetres|cm', 0.01),
            ('millimeter|millimeters|millimetre|millimetres|mm', 0.001),
        ),
        angle=(
            ('radian|radians|rad', 1.0),
            ('degree|degrees|deg|°', math.radians(1)),
        ),
        turns='turn|turns|rotation|rotations|revolution|revolutions|circle|circles|spin|spins',
        times='time|times',
        duration='second|seconds|minute|minutes|hour|hours|sec|secs',
    ),
    slots=_SLOTS,
    frames=_FRAMES,
    guards=Guards(
        negation='not|never|neither|nor|none|nobody|without|instead of|rather than|anything but'
        '|refuse|avoid|forget it|forget (about|that)|cancel|except|no (moving|turning|need|way'
        '|going|driving|waving|dancing)|no longer',
        reported='he|she|they|him|her|them|said|says|saying|told|asked|heard|quote|wrote|called'
        '|i say|read|means|meant|shouted|say|tell',
        condition='if|when|whenever|unless|until|till|while|before|as soon as|in case|provided'
        '|assuming|after|once|because|since|though|although|but',
        doubt='maybe|perhaps|probably|possibly|i (think|guess|wonder|believe|suppose|wish|hope)'
        '|might|may|or|either|should|shall|not sure|what about|how about|could|would|imagine'
        '|suppose|supposed|pretend|try',
        question='who|whom|whose|what|which|why|how|where|when (did|do|does|will|is|are|was|were'
        '|can|should|has|have)|did|do|does|is|are|am|was|were|has'
        '|have|had|should|shall|must|might|may|can (i|he|she|they|we|it|the|a|anyone|somebody'
        '|someone)|could (i|he|she|they|we|it)|would (i|he|she|they|we|it)|will (i|he|she|they|we'
        '|it)',
    ),
    rewrites={
        "don't": 'do not',
        'dont': 'do not',
        "can't": 'can not',
        'cant': 'can not',
        'cannot': 'can not',
        "won't": 'will not',
        "shouldn't": 'should not',
        "mustn't": 'must not',
        "couldn't": 'could not',
        "wouldn't": 'would not',
        "doesn't": 'does not',
        "didn't": 'did not',
        "isn't": 'is not',
        "aren't": 'are not',
        "needn't": 'need not',
        "let's": 'let us',
        'lets': 'let us',
        "i'd": 'i would',
        "i'm": 'i am',
        "what's": 'what is',
        "how's": 'how is',
        "that's": 'that is',
        "it's": 'it is',
        "you're": 'you are',
        'pls': 'please',
        'plz': 'please',
        'gonna': 'going to',
        'wanna': 'want to',
        'alright': 'okay',
        'ok': 'okay',
        '&': 'and',
    },
    asking='(can|could|will|would) you [please|kindly|just|also|now]',
    polite='please|kindly|i (want|need|would like) you to|let us|be so kind (and|as to)|go ahead'
    ' and|if you (please|would|could|do not mind|would not mind)|would you be so kind as to'
    '|i command you to|make sure to',
    courtesy='please|[many] thanks|thank you [very much|so much]|(will|would|could|can) you'
    ' [please]|for me|for us|if you (please|would|could|can|do not mind|would not mind)|my friend'
    '|right away|immediately|at once|okay|now|right now',
    fillers='please|now|right now|uh|um|er|erm|hmm|kindly|again|also|first|finally|simply'
    '|right away',
    lead='okay|just|then|and then|and|so|well|oh|hey|hello|hi|yes|yeah|sure|right then'
    '|all right|good morning|actually|sorry|oops|i mean',
    joiners='and|then|and then|after that|and after that|afterwards|next|followed by|after this'
    '|and finally|and next|when you are done|as well as',
    corrections='no [no] [sorry|wait|rather|actually|i mean|i meant|make (that|it)]|i mean|i meant'
    '|sorry [i mean|i meant|no]|wait no|or rather|actually|make (that|it)|correction|scratch that'
    '|oops|no no no|excuse me|pardon',
    plain_no='no|no no|no no no',
    no_negates=False,
    hold='(stop|halt|freeze|pause|wait|hold) [here|there|now|it|on|everything|all|right there'
    '|right here|right now|where you are|please|still|position|your position]|stand still|stay'
    f' [here|there|still|put|where you are|in place]|(stop|quit|cease) ({_STOPPING})'
    '|(wait|hold on|hang on) [for] [just] (a|one) (moment|minute|second|sec)|hold your position'
    '|keep still|be still|come to a (stop|halt)|do nothing|emergency|no [no] wait|wait no'
    '|remain (here|there|still)',
    stop='emergency stop|e stop',
    hold_first='stop|halt|freeze',
    not_hold='(stop|quit|cease) (talking|speaking|singing|playing|listening|reading|laughing'
    '|lying|it with|saying|telling|asking|using|recording|worrying|counting|thinking|whining'
    '|repeating|making|being|calling|sign|signs|word|words|watch|light|lights)'
    '|stop (the|that|this|your|my) (music|song|noise|sound|story|video|talk|talking|speech|radio'
    '|joke|timer|alarm|recording|game)',
    stop_first='emergency stop|e stop',
    everybody='(everybody|everyone|all robots|all the robots|all of you|you all|robots|all'
    '|every robot|both of you|you two|both robots|team|guys)',
    somebody='robot|hey robot|tektra|hello tektra|dear robot|my robot|mister robot',
    tell='tell|ask|order|command',
    told='to',
    both='and|both',
    axis_x='x [is|equals|of]',
    axis_y='y [is|equals|of]',
    axis_z='z [is|equals|of]',
    facing='[and] (facing|heading|[with] [a] yaw [of]|[with] [a] heading [of]|face|looking)',
    minus='minus|negative',
    play='(play|perform|do|show (me|us)) [the|a|your] [motion]',
    motion='motion',
    mind='(would|do) you mind',
    gerunds={
        'going': 'go',
        'moving': 'move',
        'driving': 'drive',
        'walking': 'walk',
        'turning': 'turn',
        'rotating': 'rotate',
        'spinning': 'spin',
        'looking': 'look',
        'pointing': 'point',
        'waving': 'wave',
        'nodding': 'nod',
        'shaking': 'shake',
        'opening': 'open',
        'closing': 'close',
        'raising': 'raise',
        'lifting': 'lift',
        'lowering': 'lower',
        'dancing': 'dance',
        'bowing': 'bow',
        'stretching': 'stretch',
        'following': 'follow',
        'coming': 'come',
        'stopping': 'stop',
        'backing': 'back',
        'taking': 'take',
        'stepping': 'step',
    },
    not_mine='(turn|switch) (on|off|up|down|it|in|into|the|that|over|out|green|red|blue|pale)'
    '|go (for|figure|get|find|fetch|to (hell|bed|school|work|church)|the extra)|drive me'
    '|run (a|an|the|my|this|that|out|into|it)|move (on|in|out)|look (for|like|up (the|a|my)|it up'
    '|out|after|into|that|this|i|what|who|how|here|there|good|great|nice|bad|forward to)'
    '|point (out|taken|of|the way|is|being)|hold (my|the|this|that|a|her|his|hands)'
    '|wave (function|functions|length|form)|follow (the|up|my|that|this|your)|back (in|then|to)'
    '|step (by|one is|aside from)|take (care|it|that|this|the|note|notes|my|me|part|place|off'
    '|over|on|out)|close (to|the|my|enough)|open (source|the|my|ai|a|an|question|air)'
    '|head (of|over|first)|raise (money|the|my|a)|home (is|sweet|page|office|work|alone)'
    '|wait (for|until|till|what|and see)|stay (tuned|safe|calm|home|cool|with me|up)|rest (in|of)'
    '|bow (and|tie)|make (me|it|sure|a)|drop (the|it|me|by)|lift (the|me|my)|do (the|it|this|that'
    '|you|your|my|me)|put (the|it|on|me|my)|report (a|an|the|to|on|that)|fly (me|like)'
    '|climb (every|the)|advance (to go|notice)|reverse (the|a|this)|laugh (at|with|out)|jump to'
    '|stretch (the|of)|status (of|quo)|pause the|slow down the|battery (acid|farm|of|powered|life'
    ' of)|(faster|slower) than|come (on|true|what may|to think)|nod off|shake (hands|it|on)',
    texts={
        'how_far': 'How far? Say for example: one metre.',
        'which_side': 'How far, and to the left or to the right?',
        'which_way': 'Which way?',
        'which_arm': 'With which arm, the left or the right one?',
        'what_unit': '{n} of what? Say it with the unit, for example metres or degrees.',
        'unclear': 'I understood "{said}", but not all of it. Please say it in other words.',
        'rest': 'I understood "{said}", but not "{rest}". What should I do?',
        'range': '{value} is out of range: it must be between {low} and {high}.',
        'length': '{n} metres',
        'angle': '{n} degrees',
        'times': '{n} times',
        'nothing': 'What should I do? Say for example: go forward one metre.',
        'negation': 'I will not do that.',
        'reported': 'I only do what I am told myself.',
        'condition': 'I cannot wait for a condition. Tell me when it is time.',
        'doubt': 'I am not sure that I should. Please tell me plainly what to do.',
        'duration': 'I go by distance and angle, not by time. How far?',
        'contradiction': 'That contradicts itself. Please say it once more.',
        'correction': 'What should I do instead? Please say the whole command again.',
        'unfinished': 'I will wait with that. What should I do instead?',
        'too_many': 'That is more than {n} steps. Please tell me fewer at a time.',
        'too_long': 'That is too long for me. Please say it shorter.',
        'one_robot': 'One robot at a time, please: whom do you mean?',
        'confirm': 'Shall I really do that?',
        'confirm_amount': 'That is {value}. Shall I really do that?',
        'sideways': 'Should I turn to that side, or move sideways, and how far?',
        'place': 'I know no place of that name. Tell me x and y in metres.',
        'come': 'I do not know how far that is. Say: follow me, or how far to go.',
        'home': 'Should I drive home, or take the home position?',
        'unable': 'My body cannot do that.',
    },
)
