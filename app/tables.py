"""Imports every module that declares tables, so that `Base.metadata` is whole. For migrations and tests only."""

import app.audit.models
import app.conflicts.models
import app.core.keyholders
import app.core.quotas
import app.core.switches
import app.directory.models
import app.directory.rulesets
import app.intake.decoys
import app.intake.drafts
import app.intake.models
import app.matching.models
import app.messaging.models
import app.operations.marks
import app.partners.models
import app.partners.organisations
import app.referrals.models
import app.staff.browsers
import app.staff.invitations
import app.staff.models
import app.staff.passkeys
import app.staff.proposals
import app.staff.quotas
import app.webhooks.models  # noqa: F401
