"""Chat templates, rendered as transformers does and with nothing else within their reach.

The environment follows `transformers.utils.chat_template_utils` of transformers 5.23: Jinja's
immutable sandbox with trimmed blocks, loop controls, `generation` blocks, a `tojson` that does not
escape HTML, `raise_exception` and `strftime_now`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tunewell.core.errors import InputError
from tunewell.subjects.checkpoint import Checkpoint

LONGEST_REASON = 200
DATE = datetime(2024, 1, 1, tzinfo=UTC)
"""What templates are told the date is: the same input must give the same findings."""


class RefusedError(Exception):
    """The template does not take a conversation; the text is its own reason."""


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled chat template with the special tokens that it may use."""

    compiled: Any
    tokens: Mapping[str, str]

    def render(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Any] | None,
        *,
        asks: bool = False,
    ) -> str:
        """The conversation as one text; with `asks`, up to where the assistant is to go on.

        Templates of vision models take a content as a list of pieces, and trainers give it so: what
        is refused as plain text is tried that way too.

        Raises:
            RefusedError: if the template raises on it.
        """
        try:
            return self._rendered(messages, tools, asks=asks)
        except Exception as error:  # noqa: BLE001  a template can fail in any way
            reason = " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
        try:
            return self._rendered([in_pieces(message) for message in messages], tools, asks=asks)
        except Exception:  # noqa: BLE001
            raise RefusedError(reason) from None

    def _rendered(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None, *, asks: bool
    ) -> str:
        return str(
            self.compiled.render(
                messages=[dict(message) for message in messages],
                tools=tools,
                documents=None,
                add_generation_prompt=asks,
                **self.tokens,
            )
        )


def in_pieces(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with its content as a list of one piece, for templates of vision models."""
    content = message.get("content")
    if not isinstance(content, str):
        return dict(message)
    return {**message, "content": [{"type": "text", "text": content}]}


def template_of(checkpoint: Checkpoint | None) -> Template | None:
    """The chat template of a model, None where it has none.

    Raises:
        InputError: if it is no template.
    """
    if checkpoint is None or checkpoint.chat_template is None:
        return None
    try:
        compiled = _compiled(checkpoint.chat_template)
    except Exception as error:  # noqa: BLE001  Jinja has many errors of syntax
        message = f"{checkpoint.path}: its chat template is no Jinja template: {error}"
        raise InputError(message) from None
    return Template(compiled, checkpoint.special_tokens)


@functools.lru_cache(maxsize=8)
def _compiled(source: str) -> Any:  # noqa: ANN401  a jinja2.Template
    import jinja2  # noqa: PLC0415  0.05 s that only chat data with a model need
    from jinja2.ext import Extension, loopcontrols  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Generation(Extension):
        """`{% generation %}` marks what the assistant says; nothing else is done with it here."""

        tags = {"generation"}  # noqa: RUF012  as Jinja has it

        def parse(self, parser: Any) -> Any:  # noqa: ANN401
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_as_it_is"), [], [], body, lineno=line)

        def _as_it_is(self, caller: Callable[[], str]) -> str:
            return caller()

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = DATE.strftime
    return environment.from_string(source)


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
