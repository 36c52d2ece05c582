"""Who gets what: assured smallest variants, the largest wish first, never over the budget."""

from hypothesis import given
from hypothesis import strategies as st

from tektra.resources.catalogue import Variant
from tektra.resources.gate import within_plan
from tektra.resources.plan import Amount, Wish, make_plan, need_of
from tektra.runtime.backends import BackendChain


def cpu(engine, memory, model=''):
    return Variant(engine, model, 'cpu', memory)


def cuda(engine, memory, gpu, model=''):
    return Variant(engine, model, 'cuda', memory, gpu)


def wishes(**rows):
    return {
        name: [row if isinstance(row, Wish) else Wish(row) for row in each]
        for name, each in rows.items()
    }


def taken(plan):
    return {c.capability: c.variant for c in plan.choices}


SPEECH = wishes(
    stt=[cuda('whisper', 900, 1000, 'small'), cpu('whisper', 400, 'base'), cpu('sphinx', 240)],
    tts=[cpu('piper', 260), cpu('espeak', 80)],
)


def test_with_room_for_all_everybody_gets_the_first_choice():
    plan = make_plan(SPEECH, Amount(2000, 1000))
    assert [str(v) for v in taken(plan).values()] == ['whisper small on the GPU', 'piper']
    assert [c.why for c in plan.choices] == ['first choice', 'first choice']
    assert plan.fits
    assert plan.total == Amount(1160, 1000)


def test_what_did_not_fit_is_told_in_words_and_numbers():
    stt, tts = make_plan(SPEECH, Amount(500, 400)).choices
    assert str(stt.variant) == 'whisper base'
    assert stt.why == (
        'whisper small on the GPU: needs 900 MB and 1000 MB of GPU memory; '
        'the budget leaves 420 MB and 400 MB'
    )
    assert tts.why == 'piper: needs 260 MB; the budget leaves 100 MB'
    assert tts.refused == {'piper'}
    assert [str(v) for v in stt.others] == ['sphinx']


def test_the_largest_wish_is_served_first_after_each_is_assured_its_smallest():
    plan = make_plan(SPEECH, Amount(480, 0))  # base and espeak, or sphinx and neither more
    assert [str(v) for v in taken(plan).values()] == ['whisper base', 'espeak']


def test_a_budget_that_does_not_do_for_the_smallest_is_said_and_they_are_given_all_the_same():
    plan = make_plan(SPEECH, Amount(300, 0))
    assert [str(v) for v in taken(plan).values()] == ['sphinx', 'espeak']
    assert not plan.fits
    assert plan.problem.startswith('even the smallest engines need 320 MB of memory and 0 MB')


def test_what_cannot_be_used_here_is_passed_with_its_reason_and_refuses_nobody():
    rows = wishes(stt=[Wish(cpu('whisper', 400), 'not on disk'), cpu('sphinx', 240)])
    (stt,) = make_plan(rows, Amount(1000, 0)).choices
    assert str(stt.variant) == 'sphinx'
    assert stt.why == 'whisper: not on disk'
    assert not stt.refused
    (nothing,) = make_plan(wishes(stt=[Wish(cpu('x', 1), 'no GPU')]), Amount(9, 9)).choices
    assert nothing.variant is None
    assert nothing.why == 'x: no GPU'


def test_a_reason_that_many_share_is_told_once():
    rows = wishes(
        stt=[
            Wish(cuda('whisper', 9, 9, 'small'), 'no GPU'),
            Wish(cuda('whisper', 9, 9, 'base'), 'no GPU'),
            cpu('sphinx', 240),
        ]
    )
    assert make_plan(rows, Amount(1000)).choices[0].why == (
        'whisper small, base on the GPU: no GPU'
    )


class Engine:
    def close(self):
        pass


def chain_of(plan, order, wanted=()):
    factories = dict.fromkeys(('piper', 'espeak', 'captions'), Engine)
    order, made = within_plan(plan, 'tts', order, factories, wanted)
    changes = []
    chain = BackendChain('tts', order, made, changes.append)
    chain.open(0)
    return chain.active_name, changes[-1]


def test_an_engine_that_does_not_fit_is_unavailable_and_says_so():
    plan = make_plan(SPEECH, Amount(500, 0))
    name, status = chain_of(plan, ['piper', 'espeak', 'captions'])
    assert name == 'espeak'
    assert status.entries[0][2] == (
        'piper needs 260 MB; the budget leaves 100 MB; see: tektra resources'
    )


def test_an_engine_that_the_user_insists_on_is_used_whatever_the_plan_says():
    plan = make_plan(SPEECH, Amount(500, 0))
    assert chain_of(plan, ['piper', 'espeak'], wanted=['piper'])[0] == 'piper'
    assert chain_of(plan, ['piper'])[0] == 'piper'


def first_taken(plan, capability, order, wanted=()):
    """Return the variant that a node loads first; a ladder begins with what is planned."""
    choice = plan.choice(capability)
    ways = [v for v in (choice.variant, *choice.others) if v is not None]

    def load(engine):
        return next((v for v in ways if v.engine == engine), Variant(engine))

    every = {engine: lambda engine=engine: Loaded(load(engine)) for engine in order}
    tried, made = within_plan(plan, capability, order, every, wanted)
    chain = BackendChain(capability, tried, made, lambda _: None)
    chain.open(0)
    return chain.active.variant


class Loaded(Engine):
    def __init__(self, variant):
        self.variant = variant


def test_nodes_that_prefer_larger_engines_than_the_file_keep_the_budget_together():
    rows = wishes(
        stt=[cpu('sphinx', 240), cpu('whisper', 420)], tts=[cpu('espeak', 80), cpu('piper', 260)]
    )
    plan = make_plan(rows, Amount(600, 0))
    assert plan.total == Amount(320, 0)
    assert first_taken(plan, 'stt', ['whisper', 'sphinx']).engine == 'sphinx'
    assert first_taken(plan, 'tts', ['piper', 'espeak']).engine == 'espeak'


def test_a_larger_engine_that_fits_takes_over_when_the_planned_one_fails():
    rows = wishes(stt=[cpu('sphinx', 240), cpu('whisper', 420)])

    def broken():
        raise OSError('no dictionary')

    every = {'whisper': Engine, 'sphinx': broken}
    order, made = within_plan(make_plan(rows, Amount(600, 0)), 'stt', ['whisper', 'sphinx'], every)
    chain = BackendChain('stt', order, made, lambda _: None)
    chain.open(0)
    assert chain.active_name == 'whisper'


def test_a_smaller_engine_that_the_node_prefers_stays_in_front():
    plan = make_plan(SPEECH, Amount(2000, 1000))
    assert first_taken(plan, 'tts', ['espeak', 'piper']).engine == 'espeak'
    assert first_taken(plan, 'tts', ['captions', 'espeak', 'piper']).engine == 'captions'


def test_a_larger_engine_that_the_user_has_said_more_about_stays_in_front():
    rows = wishes(stt=[cpu('sphinx', 240), cpu('whisper', 420)])
    plan = make_plan(rows, Amount(600, 0))
    assert first_taken(plan, 'stt', ['whisper', 'sphinx'], ['whisper']).engine == 'whisper'


@st.composite
def tables(draw):
    """Return capabilities with variants of random needs, some of them not usable."""
    table = {}
    for name in draw(st.lists(st.sampled_from('abcde'), min_size=1, unique=True)):
        rows = []
        for number in range(draw(st.integers(1, 5))):
            gpu = draw(st.one_of(st.just(0), st.integers(1, 30)))
            engine = f'{name}{draw(st.integers(0, number))}'
            device, need = 'cuda' if gpu else 'cpu', draw(st.integers(0, 30))
            variant = Variant(engine, str(number), device, need, gpu)
            rows.append(Wish(variant, draw(st.sampled_from(['', '', '', 'not here']))))
        table[name] = rows
    return table


BUDGETS = st.builds(Amount, st.integers(0, 120), st.integers(0, 60))


def usable(rows):
    return [wish.variant for wish in rows if not wish.missing]


def least_of(table):
    """Return what the smallest of each need together; without a GPU where that can be."""
    whole = Amount()
    for rows in filter(usable, table.values()):
        whole += need_of(min(usable(rows), key=lambda v: (v.gpu_memory_mb, v.memory_mb)))
    return whole


@given(tables(), BUDGETS)
def test_the_budget_is_kept_unless_even_the_smallest_do_not_fit_which_is_said(table, budget):
    plan = make_plan(table, budget)
    assert plan.fits or not budget.holds(least_of(table))
    assert bool(plan.problem) != plan.fits
    for choice in plan.choices:
        rows = table[choice.capability]
        assert (choice.variant is None) == (not usable(rows))
        assert choice.variant is None or choice.variant in usable(rows)


@given(tables(), BUDGETS)
def test_the_same_input_gives_the_same_plan_in_whatever_order_the_file_names_them(table, budget):
    plan = make_plan(table, budget)
    assert make_plan(table, budget) == plan
    turned = make_plan(dict(reversed(table.items())), budget)
    assert taken(turned) == taken(plan)


def served(table):
    """Return the capabilities in the order in which they choose: the largest first wish first."""
    first = {name: usable(rows)[0] for name, rows in table.items() if usable(rows)}
    return sorted(
        first,
        key=lambda n: (
            -(first[n].memory_mb + first[n].gpu_memory_mb),
            -first[n].gpu_memory_mb,
            n,
        ),
    )


def ranks(table, plan):
    found = taken(plan)
    return [usable(table[name]).index(found[name]) for name in served(table)]


@given(tables(), BUDGETS, BUDGETS)
def test_with_a_larger_budget_the_first_whose_choice_changes_gets_a_better_one(table, low, more):
    before, after = make_plan(table, low), make_plan(table, low + more)
    if low.holds(least_of(table)):
        assert ranks(table, after) <= ranks(table, before)  # compares the first that differs


@given(tables(), BUDGETS)
def test_whoever_did_not_get_a_wish_was_told_why_and_what_else_would_fit(table, budget):
    plan = make_plan(table, budget)
    for choice in plan.choices:
        rows = [wish.variant for wish in table[choice.capability]]
        before = rows[: rows.index(choice.variant)] if choice.variant is not None else rows
        assert [p.variant for p in choice.passed] == before
        rest = plan.budget - (plan.total - need_of(choice.variant or Variant('')))
        assert all(rest.holds(need_of(other)) for other in choice.others)


@given(tables(), BUDGETS, st.randoms(use_true_random=False))
def test_what_all_nodes_take_first_keeps_the_budget_in_whatever_order_they_try(
    table, budget, random
):
    plan = make_plan(table, budget)
    whole = Amount()
    for choice in plan.choices:
        order = list(dict.fromkeys(v.engine for v in usable(table[choice.capability])))
        random.shuffle(order)
        if order:
            whole += need_of(first_taken(plan, choice.capability, order))
    assert budget.holds(whole) or not plan.fits


@given(tables(), BUDGETS)
def test_nodes_with_the_order_of_the_file_take_what_is_planned(table, budget):
    plan = make_plan(table, budget)
    for choice in plan.choices:
        order = list(dict.fromkeys(v.engine for v in usable(table[choice.capability])))
        if order:
            first = need_of(first_taken(plan, choice.capability, order))
            assert need_of(choice.variant).holds(first)
            # An engine in two places of the file stands for the first in a node's order: it is
            # tried there, with what fits.
            rows = [v.engine for v in usable(table[choice.capability])]
            if rows == sorted(rows, key=order.index):
                assert first == need_of(choice.variant)
