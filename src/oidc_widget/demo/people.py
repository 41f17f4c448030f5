"""Who can sign in at the demo provider."""

from __future__ import annotations

from dataclasses import dataclass

#: Which claims a scope gives access to (OIDC Core §5.4).
CLAIMS_OF_SCOPE = {
    "profile": ("name", "given_name", "family_name", "preferred_username"),
    "email": ("email", "email_verified"),
}


@dataclass(frozen=True)
class Person:
    """Somebody with an account at the demo provider.

    Attributes
    ----------
    subject : str
        The ``sub`` claim: never changes and means nothing.
    given_name, family_name : str
    """

    subject: str
    given_name: str
    family_name: str

    @property
    def name(self) -> str:
        """Both names, as shown to people."""
        return f"{self.given_name} {self.family_name}"

    @property
    def initials(self) -> str:
        """For the round badge beside the name."""
        return self.given_name[0] + self.family_name[0]

    @property
    def email(self) -> str:
        """An address in a domain that is reserved for examples (RFC 2606)."""
        return f"{self.given_name.lower()}@example.com"

    def claims(self, scope: str) -> dict[str, str | bool]:
        """Return what a client with these scopes may know.

        Returns
        -------
        dict
            ``sub`` and the claims of the scopes ``profile`` and ``email`` (OIDC Core §5.1, §5.4).
        """
        everything: dict[str, str | bool] = {
            "name": self.name,
            "given_name": self.given_name,
            "family_name": self.family_name,
            "preferred_username": self.given_name.lower(),
            "email": self.email,
            "email_verified": True,
        }
        granted = [name for part in scope.split() for name in CLAIMS_OF_SCOPE.get(part, ())]
        return {"sub": self.subject, **{name: everything[name] for name in granted}}


PEOPLE = {
    person.subject: person
    for person in (
        Person("7f3c0a52", "Alice", "Adams"),
        Person("c91e4d08", "Bob", "Brown"),
    )
}
