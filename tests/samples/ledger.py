"""A small double-entry ledger."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Posting:
    """An amount booked on one account."""

    account: str
    amount: Decimal


@dataclass
class Entry:
    """Postings that belong together and sum to zero."""

    day: date
    text: str
    postings: list[Posting] = field(default_factory=list)

    def add(self, account: str, amount: Decimal) -> None:
        self.postings.append(Posting(account, amount))

    def balanced(self) -> bool:
        return sum(posting.amount for posting in self.postings) == 0


@dataclass
class Ledger:
    """Entries in the order they were booked."""

    entries: list[Entry] = field(default_factory=list)

    def book(self, entry: Entry) -> None:
        if not entry.balanced():
            raise ValueError(f"the entry of {entry.day} does not balance")
        self.entries.append(entry)

    def balance(self, account: str) -> Decimal:
        total = Decimal(0)
        for entry in self.entries:
            for posting in entry.postings:
                if posting.account == account:
                    total += 
        return total

    def accounts(self) -> list[str]:
        names = set()
        for entry in self.entries:
            for posting in entry.postings:
                names.add(posting.account)
        return sorted(names)


def report(ledger: Ledger) -> str:
    lines = []
    for account in ledger.accounts():
        balance = ledger.balance(account)
        lines.append(f"{account:<30} {balance:>12.2f}")
    return "\n".join(lines)
