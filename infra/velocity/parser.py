"""Reads a template into its syntax tree.

White space follows the lexer of Velocity 1.7: a directive swallows the rest of its
line where only blanks are left on it, ``##`` swallows its line break, and ``#set``
swallows blanks before it only where no text stands before them.
"""

import re
from functools import lru_cache

from infra.velocity.expressions import ExpressionParser
from infra.velocity.nodes import (
    Block,
    Break,
    Call,
    Define,
    Expression,
    Foreach,
    If,
    Macro,
    Method,
    Reference,
    Set,
    Statement,
    Stop,
    Template,
    Text,
)
from infra.velocity.spelling import Spelling

_PLAIN = re.compile(r"[^$#\\]+")
_SET = re.compile(r"[ \t]*#(?:set|\{set\})[ \t]*\(")
_BACKSLASHES = re.compile(r"\\+")
_NO_QUIET = re.compile(r"\$(\\+)!(?=\{?[A-Za-z_])")
_NO_REFERENCE = re.compile(r"\$!?\{?")
_DIRECTIVE = re.compile(r"#(?:([A-Za-z_@][A-Za-z0-9_@]*)|\{([A-Za-z_@][A-Za-z0-9_@]*)\})")
_COMMENT = re.compile(r"##[^\r\n]*(?:\r\n|\n|\r)?")
_REST_OF_LINE = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_OPEN = re.compile(r"[ \t\r\n]*\(")
_SWALLOWING = re.compile(
    r"#(?:\*|(?:set|if|elseif|else|end|foreach|define|macro|break|stop)\b"
    r"|\{(?:set|if|elseif|else|end|foreach|define|macro|break|stop)\})"
)
"""What a lone ``$`` right before it disappears in (the lexer of 1.7 forgets it)."""
_LONE = re.compile(r"(?:\$!?|#)\Z")
_NAME = re.compile(r"\$(?:([A-Za-z_][A-Za-z0-9_-]*)|\{([A-Za-z_][A-Za-z0-9_-]*)\})")
_IN = re.compile(r"in\b")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMA = re.compile(r"[ \t\r\n]*(?:,[ \t\r\n]*)?")

_ENDS = frozenset({"else", "elseif", "end"})
_FILES = frozenset({"parse", "include"})
_BLOCKS = frozenset({"if", "foreach", "define", "macro", "break", "stop"})
_HALVED = _ENDS | _FILES | _BLOCKS
"""Directives before which two backslashes print one; ``#set`` is not among them in 1.7."""


@lru_cache(maxsize=256)
def parse(template: str) -> Template:
    """The tree of ``template``; VelocityError says what is wrong, and where."""
    macros: dict[str, Macro] = {}
    parser = TemplateParser(template, 0, len(template), 0, macros)
    body = parser.whole()
    lone = _LONE.search(template)
    if lone and body and body[-1] == Text(lone.group()):
        parser.fail("API Gateway refuses a template that ends in a lone $ or #.", lone.start())
    return Template(template, body, macros)


class TemplateParser(ExpressionParser):
    """Reads text with directives and references in it."""

    def __init__(
        self, text: str, start: int, end: int, depth: int, macros: dict[str, Macro]
    ) -> None:
        super().__init__(text, start, end, depth)
        self.macros = macros

    def within(self, start: int, end: int) -> Block:
        with self.deeper():
            return TemplateParser(self.text, start, end, self.depth, self.macros).whole()

    def respelled(self, spelling: Spelling) -> Block:
        with self.deeper():
            inside = TemplateParser(spelling.text, 0, len(spelling.text), self.depth, self.macros)
            inside.outer, inside.places = self, spelling.places
            return inside.whole()

    def whole(self) -> Block:
        """Everything up to the end."""
        body, closing, start = self._block()
        if closing:
            self.fail(f"#{closing} has no #if, #foreach, #define or #macro to close.", start)
        return body

    def _block(self) -> tuple[Block, str, int]:
        """Statements up to an ``#end`` or ``#else``: they, its name ("" at the end), its place."""
        nodes: list[Statement] = []
        while self.pos < self.end:
            start = self.pos
            if self.match(_SET):
                nodes.append(self._set(start))
            elif plain := self.match(_PLAIN):
                nodes.append(Text(plain.group()))
            elif self.sees("\\"):
                self._escaped(nodes)
            elif self.sees("$"):
                nodes.append(self._dollar(0))
            else:
                closing = self._hash(nodes)
                if closing:
                    return tuple(nodes), closing, start
        return tuple(nodes), "", self.pos

    def _body(self, name: str, start: int) -> Block:
        """The block of a directive that begins at ``start``, up to and with its ``#end``."""
        with self.deeper():
            body, closing, place = self._block()
        if not closing:
            self.fail(f"#{name} is never closed: its #end is missing.", start)
        if closing != "end":
            self.fail(f"#{closing} cannot stand in #{name}; it belongs to an #if.", place)
        return body

    # Text that may be more

    def _dollar(self, escapes: int) -> Statement:
        start = self.pos
        if found := self.match(_NO_QUIET):
            return Text("$" + found[1][1:] + "!")
        reference = self.reference(escapes)
        if reference is not None:
            return reference
        self.pos = start
        self.match(_NO_REFERENCE)
        if self.text[start : self.pos] == "$" and _SWALLOWING.match(self.text, self.pos, self.end):
            return Text("\\" * escapes)
        return Text("\\" * escapes + self.text[start : self.pos])

    def _escaped(self, nodes: list[Statement]) -> None:
        """Backslashes count only where a reference or a directive follows them."""
        run = self.match(_BACKSLASHES)
        count = len(run.group()) if run else 0
        if self.sees("$"):
            nodes.append(self._dollar(count))
            return
        directive = _DIRECTIVE.match(self.text, self.pos, self.end)
        name = (directive[1] or directive[2]) if directive else ""
        known = name in _HALVED or name in self.macros
        if directive and count % 2 and (known or name == "set"):
            self.pos = directive.end()
            nodes.append(Text("\\" * (count // 2) + directive.group()))
        elif directive and count % 2:
            self.pos = directive.end()
            nodes.append(Text("\\" * count + directive.group()))
        else:
            nodes.append(Text("\\" * (count // 2 if known else count)))

    def _hash(self, nodes: list[Statement]) -> str:
        """What ``#`` begins; the name of a directive that ends a block, else ""."""
        start = self.pos
        if self.match(_COMMENT):
            return ""
        if self.sees("#*"):
            # From two characters on, so that #*# is not a comment that closes itself.
            place = self.text.find("*#", start + 2, self.end)
            self.pos = self.end if place < 0 else place + 2
            return ""
        if self.sees("#[["):
            place = self.text.find("]]#", start, self.end)
            if place < 0:
                self.fail("This block is never closed: ]]# is missing.")
            nodes.append(Text(self.text[start + 3 : place]))
            self.pos = place + 3
            return ""
        found = self.match(_DIRECTIVE)
        if found is None:
            self.pos += 1
            nodes.append(Text("#"))
            return ""
        name = found[1] or found[2]
        if name in _ENDS:
            if name != "elseif":
                self.match(_REST_OF_LINE)
            return name
        nodes.append(self._directive(name, start))
        return ""

    # Directives

    def _directive(self, name: str, start: int) -> Statement:
        if name == "if":
            return self._if(start)
        if name == "foreach":
            return self._foreach(start)
        if name == "define":
            return self._define(start)
        if name == "macro":
            return self._macro(start)
        if name == "break":
            return self._break(start)
        if name == "stop":
            return Stop()
        if name in _FILES:
            self.fail(f"API Gateway has no #{name}.", start)
        return self._call(name, start)

    def _open(self, name: str) -> None:
        if not self.match(_OPEN):
            self.fail(f"Expected ( after #{name}, but found {self.found()}.")

    def _close(self, name: str) -> None:
        self.space()
        if self.sees("=") and name in ("if", "elseif"):
            self.fail("A single = compares nothing; write == here.")
        self.expect(")", f"what #{name} is given")
        self.match(_REST_OF_LINE)

    def _set(self, start: int) -> Set:
        start = self.text.index("#", start)
        self.space()
        target = self.need_reference("after #set(")
        if target.steps and isinstance(target.steps[-1], Method):
            self.fail("#set cannot give a value to a method call.", target.offset)
        self.space()
        self.expect("=", target.source)
        value = self.expression()
        self._close("set")
        return Set(target, value, start)

    def _if(self, start: int) -> If:
        branches: list[tuple[Expression, Block]] = []
        otherwise: Block = ()
        closing = "if"
        place = start
        with self.deeper():
            while closing in ("if", "elseif"):
                self._open(closing)
                condition = self.expression()
                self._close(closing)
                body, closing, place = self._block()
                branches.append((condition, body))
            if closing == "else":
                otherwise, closing, place = self._block()
        if not closing:
            self.fail("#if is never closed: its #end is missing.", start)
        if closing != "end":
            self.fail(f"#{closing} comes after #else.", place)
        return If(tuple(branches), otherwise)

    def _variable(self, where: str) -> str:
        self.space()
        found = self.match(_NAME)
        if found is None:
            self.fail(f"Expected a name such as $item after {where}, but found {self.found()}.")
        return found[1] or found[2]

    def _foreach(self, start: int) -> Foreach:
        self._open("foreach")
        name = self._variable("#foreach(")
        self.space()
        if not self.match(_IN):
            self.fail(f"Expected “in” after ${name}, but found {self.found()}.")
        self.space()
        items = self.value()
        self._close("foreach")
        return Foreach(name, items, self._body("foreach", start), start)

    def _define(self, start: int) -> Define:
        self._open("define")
        name = self._variable("#define(")
        self._close("define")
        return Define(name, self._body("define", start))

    def _macro(self, start: int) -> Text:
        """Keeps the macro for the whole template; nothing is printed where it is defined."""
        self._open("macro")
        self.space()
        found = self.match(_WORD)
        if found is None:
            self.fail(f"Expected the name of the macro, but found {self.found()}.")
        parameters: list[str] = []
        while True:
            self.match(_COMMA)
            if not self.sees("$"):
                break
            parameters.append(self._variable("the name of the macro"))
        self._close("macro")
        self.macros[found.group()] = Macro(tuple(parameters), self._body("macro", start))
        return Text("")

    def _break(self, start: int) -> Break:
        scope: Reference | None = None
        if self.match(_OPEN):
            self.space()
            if self.sees("$"):
                scope = self.need_reference("after #break(")
            self._close("break")
        return Break(scope, start)

    def _call(self, name: str, start: int) -> Call:
        arguments: list[Expression] = []
        if self.match(_OPEN):
            self.match(_COMMA)
            while not self.sees(")"):
                if not self.match(_WORD_ARGUMENT):
                    arguments.append(self.value())
                self.match(_COMMA)
            self._close(name)
        source = self.text[start : self.pos]
        body = self._body(name, start) if name.startswith("@") else None
        return Call(name, tuple(arguments), body, source, start)


_WORD_ARGUMENT = re.compile(r"(?!(?:true|false|null)\b)[A-Za-z_@][A-Za-z0-9_@]*")
"""A bare word among the arguments of what is text in the end, as in ``#see (the manual)``."""
