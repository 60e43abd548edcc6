from __future__ import annotations

import threading
import time

import pytest

from ragent.errors import TooMuch
from ragent.service.turns import Rate, Stopped, Turnstile


def test_those_who_wait_go_in_turn_however_many_one_of_them_asked_for() -> None:
    stile = Turnstile(1, 20)
    order: list[str] = []
    holding, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with stile.turn("first"):
            holding.set()
            let_go.wait(10)

    def enter(name: str) -> None:
        with stile.turn(name):
            order.append(name)

    threads = [threading.Thread(target=hold)]
    threads[0].start()
    holding.wait(10)
    for name in ("greedy", "greedy", "greedy", "modest"):
        threads.append(threading.Thread(target=enter, args=(name,)))
        threads[-1].start()
        time.sleep(0.05)
    let_go.set()
    for thread in threads:
        thread.join(10)
    assert order == ["greedy", "modest", "greedy", "greedy"]


def test_too_many_are_told_to_come_back_and_whoever_gives_up_leaves_no_gap() -> None:
    stile = Turnstile(1, 1)
    with stile.turn("a"):
        with pytest.raises(Stopped), stile.turn("b", lambda: True):
            pass
        waiting = threading.Thread(target=lambda: stile.turn("c").__enter__())
        waiting.start()
        time.sleep(0.05)
        with pytest.raises(TooMuch) as told, stile.turn("d"):
            pass
        assert told.value.retry_after > 0
    waiting.join(10)
    assert not waiting.is_alive()


def test_a_rate_is_held_by_name_and_recovers() -> None:
    now = [0.0]
    rate = Rate(2, lambda: now[0])
    rate.take("a")
    rate.take("a")
    with pytest.raises(TooMuch) as told:
        rate.take("a")
    assert told.value.retry_after == pytest.approx(30)
    rate.take("b")
    now[0] = 30.0
    rate.take("a")
