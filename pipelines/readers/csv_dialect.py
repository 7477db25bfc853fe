"""What tells the fields of a CSV part apart, as its contract says; nothing is ever detected."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.contract.model import Server
from pipelines.errors import ContractError


@dataclass(frozen=True)
class Dialect:
    """Delimiter, quote and escape as bytes; an empty quote means that nothing is ever quoted."""

    delimiter: bytes
    quote: bytes
    escape: bytes

    @classmethod
    def of(cls, server: Server, where: str) -> Dialect:
        dialect = cls(
            server.delimiter.encode(), server.quote.encode(), server.escape.encode() or server.quote.encode()
        )
        signs = {dialect.delimiter, dialect.quote, b"\n", b"\r"}
        is_plain = len(dialect.quote) <= 1 and len(dialect.escape) <= 1
        repeats = any(
            dialect.delimiter.endswith(dialect.delimiter[:n]) for n in range(1, len(dialect.delimiter))
        )
        if not dialect.delimiter or repeats or not is_plain or len(signs) < 4:
            raise ContractError(
                f"{where}: delimiter {server.delimiter!r}, quote {server.quote!r} and escape {server.escape!r} "
                "do not tell fields apart",
                next_step="correct them in the contract's server",
            )
        return dialect

    @property
    def doubles(self) -> bool:
        """Whether a quote inside quotes is written twice."""
        return self.escape == self.quote

    def text_sql(self, field: str) -> str:
        """SQL that takes the escapes out of a field. Only quoted fields can hold a quote at all."""
        if not self.quote:
            return field
        quote, escape = (sign.decode().replace("'", "''") for sign in (self.quote, self.escape))
        if self.doubles:
            return f"replace({field}, '{quote}{quote}', '{quote}')"
        return f"replace(replace(replace({field}, '{escape}{escape}', chr(0)), '{escape}{quote}', '{quote}'), chr(0), '{escape}')"

    def text(self, field: bytes) -> str:
        """A field without its escapes; what `text_sql` does in SQL."""
        if self.quote and self.doubles:
            field = field.replace(self.quote * 2, self.quote)
        elif self.quote:
            field = re.sub(re.escape(self.escape) + b"(.)", rb"\1", field, flags=re.DOTALL)
        return field.decode()

    def has_escapes(self, text: bytes) -> bool:
        """Whether any field of a part may hold an escape."""
        return bool(self.quote) and (self.quote * 2 if self.doubles else self.escape) in text
