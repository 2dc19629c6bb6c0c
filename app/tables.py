"""Imports every module that declares tables, so that `Base.metadata` is whole. For migrations and tests only."""

import app.audit.models
import app.conflicts.models
import app.core.keyholders
import app.directory.models
import app.directory.rulesets
import app.intake.drafts
import app.intake.models
import app.matching.models
import app.messaging.models
import app.partners.models
import app.partners.organisations
import app.referrals.models
import app.staff.models  # noqa: F401
