"""Types of path parameters, so that no two routes match the same path and the order of routers does not matter.

Importing this module registers them with Starlette: `{lang:language}`, `{code:country}`, `{id:id}`, `{step:form_step}`,
`{verb:referral_verb}`, `{verb:rule_set_verb}`, `{verb:edit_verb}` and
`{verb:proposal_verb}`.
"""

import re
from collections.abc import Iterable

from starlette.convertors import Convertor, StringConvertor, register_url_convertor

from app.directory.edit_states import EditVerb
from app.directory.rule_sets import RuleSetVerb
from app.intake import questions
from app.referrals.states import ReferralVerb
from app.staff.proposal_states import ProposalVerb


def _text(pattern: str) -> Convertor[str]:
    """A convertor for text that matches the pattern."""
    kind: type[StringConvertor] = type("_Text", (StringConvertor,), {"regex": pattern})  # read from the class
    return kind()


def _one_of(values: Iterable[str]) -> Convertor[str]:
    return _text("|".join(re.escape(value) for value in values))


register_url_convertor("language", _text("[A-Za-z]{2,3}"))  # the page itself says whether we have it
register_url_convertor("country", _text("[a-z]{2}"))
register_url_convertor("id", _text("[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}"))  # stays text
register_url_convertor("form_step", _one_of(questions.SLUGS))
register_url_convertor("referral_verb", _one_of(ReferralVerb))
register_url_convertor("rule_set_verb", _one_of(RuleSetVerb))
register_url_convertor("edit_verb", _one_of({*EditVerb} - {EditVerb.SUPERSEDE}))  # that one only follows
register_url_convertor("proposal_verb", _one_of({*ProposalVerb} - {ProposalVerb.EXPIRE} | {"void"}))  # "void": its code
