"""Templates from strangers: what they can't reach, and what ends them."""

from __future__ import annotations

import pytest

from ragent.errors import ConfigError
from ragent.prompts import parse_prompt


def render(body: str, **values: object) -> str:
    return parse_prompt("foreign", f"[user]\n{body}").render(**values)[0].content


@pytest.mark.parametrize(
    "body",
    [
        "{{ value.__class__.__mro__[1].__subclasses__() }}",
        "{{ value['__class__'] }}",
        "{{ [value]|map(attribute='__class__')|join }}",
        "{{ ''.join.__self__.__class__ }}",
        "{{ render.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ loop.__class__ }}",
        "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
        "{{ '{0.__class__}'.format(value) }}",
        "{{ '%s'|format(value) }}",
        "{{ value|attr('__class__') }}",
        "{{ cycler.__init__.__globals__.os }}",
        "{{ lipsum.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ values.append(1) }}",
    ],
)
def test_nothing_outside_can_be_reached(body: str) -> None:
    with pytest.raises(ConfigError, match="'foreign'"):
        render(body, value="x", values=[1])


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in range(99999999999) %}{{ a }}{% endfor %}",
        "{% for a in range(5000) %}{% for b in range(5000) %}{% endfor %}{% endfor %}",
        "{% for a in range(9000) %}" + "x" * 1000 + "{% endfor %}",
        "{{ 'x' * 10 ** 10 }}",
        "{{ 'x' * 10000000000 }}",
        "{{ 10000000000 * 'x' }}",
        "{{ [1] * 10000000000 }}",
        "{{ 2 ** 9999999999 }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ 'x'.center(9999999999) }}",
        "{{ 'x'.ljust(9999999999) }}",
        "{{ 'x'|center(9999999999) }}",
        "{{ 'x'|indent(9999999999) }}",
        "{{ [1]|tojson(indent=9999999999) }}",
        "{{ range(9999999999)|list }}",
        "{{ range(9999999999)|join }}",
        "{{ ('x' * 99999)|replace('x', 'y' * 99999) }}",
        "{{ range(99999)|join('y' * 99999) }}",
        "{% set a = 'x' %}" + "{% set a = a ~ a %}" * 60 + "{{ a|length }}",
        "{% set a = 'x' %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
        "{% set a = 7 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
        "{% set a = (1,) %}" + "{% set a = (a, a) %}" * 60 + "{{ a == a }}",
        "{% set a = {'a': 1} %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a|tojson }}",
        "{% set a = 'x' * 9999999 %}{% for i in range(9999) %}{% set b = a[1:] %}{% endfor %}",
        "{% set a = 'x' * 9999999 %}{% for i in range(9999) %}{{ 'xy' in a }}{% endfor %}",
        "{% set a = 'x' * 9999999 %}{% for i in range(9999) %}{{ a.count('xy') }}{% endfor %}",
        "{% for i in range(9999) %}{% set b = range(99999)|sort %}{% endfor %}",
        "{% if 1 %}" * 110 + "x" + "{% endif %}" * 110,
        "{{ 1" + "+1" * 20000 + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ 1e999999999 }}",
        "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% for a in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
        "{% set n = namespace(a=1) %}",
        "{% set a %}{% for x in range(9) %}x{% endfor %}{% endset %}",
        "{% include 'answer' %}",
        "{% import 'answer' as a %}",
        "{% extends 'answer' %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{{ " + "-" * 50000 + "1 }}",
        "x" * 100_001,
    ],
)
def test_nothing_runs_or_grows_without_end(body: str) -> None:
    with pytest.raises(ConfigError, match=r"foreign"):
        render(body)


def test_an_error_names_the_template_and_the_line() -> None:
    text = "version: 1\n[system]\nRules.\n[user]\nHello.\n{{ nobody }}\n"
    with pytest.raises(ConfigError, match=r"'foreign' can't be used \(line 6\): 'nobody' is undefined"):
        parse_prompt("foreign", text).render()
    with pytest.raises(ConfigError, match=r"'foreign' is not valid \(line 6\)"):
        parse_prompt("foreign", text.replace("{{ nobody }}", "{% if %}"))
    with pytest.raises(ConfigError, match=r"line 6.*macro can't be used"):
        parse_prompt("foreign", text.replace("{{ nobody }}", "{% macro a() %}{% endmacro %}"))


def test_what_prompts_need_works() -> None:
    body = """
    {%- for turn in turns if turn.role == "user" and "x" not in turn.text %}
    {{ loop.index }}/{{ loop.length }}: {{ turn.text|trim|truncate(20) ~ "!" }}
    {% endfor %}
    {% for name, value in table.items() %}{{ name }}={{ value + 1 }};{% endfor %}
    {{ {"b": [1, "é<"], "a": none}|tojson }}
    {{ turns|map(attribute="role")|unique|join(", ") }} {{ "many" if turns|length > 1 else "few" }}
    """
    turns = [{"role": "user", "text": " Hello "}, {"role": "assistant", "text": "Hi"}]
    said = render(body, turns=turns, table={"one": 1})
    assert [line.strip() for line in said.splitlines()] == [
        "1/1: Hello!",
        'one=2;    {"b": [1, "é<"], "a": null}',
        "user, assistant many",
    ]


def test_long_prompts_are_no_abuse() -> None:
    passages = [{"text": "The crane lifts 40 tonnes. " * 500} for _ in range(200)]
    said = render(
        "{% for p in passages|reverse %}[{{ loop.revindex }}] {{ p.text }}{% endfor %}", passages=passages
    )
    assert said.count("The crane") == 100_000
