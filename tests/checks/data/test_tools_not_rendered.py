"""DAT099 tools-not-rendered."""

from tests.facts.conversations import calling, turns
from tests.facts.reasoning_templates import PLAIN_CHATML, QWEN_3
from tests.facts.templates import CHATML, LLAMA_3, model

from tunewell.checks.data.tools_not_rendered import tools_not_rendered
from tunewell.testing import CheckCases, rows

OFFERS = [calling({"city": "Oslo"})]


class TestToolsNotRendered(CheckCases):
    """Rows that offer tools, and templates with and without a place for them."""

    check = tools_not_rendered
    faulty = {
        "no place for tools": (rows(OFFERS * 3), model(PLAIN_CHATML)),
        "another template without one": (rows(OFFERS), model(LLAMA_3)),
    }
    nearly = {
        "the system text names them": (
            rows([calling({"city": "Oslo"}, system="You may call get_weather(city).")]),
            model(PLAIN_CHATML),
        ),
        "no row offers any": (rows([turns("Hi", "Hello.")]), model(PLAIN_CHATML)),
    }
    clean = {
        "ChatML": (rows(OFFERS), model(CHATML)),
        "Qwen 3": (rows(OFFERS), model(QWEN_3)),
    }
