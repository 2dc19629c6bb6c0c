"""Imports every module that declares tables, so that `Base.metadata` is complete. For migrations and tests only."""

import app.audit.models
import app.cases.appointments
import app.cases.callback_windows
import app.cases.honeytokens
import app.cases.models
import app.cases.triggers
import app.conflicts.models
import app.core.keyholders
import app.core.kill_switch
import app.core.quotas
import app.directory.models
import app.directory.rule_sets
import app.documents.models
import app.intake.drafts
import app.intake.models
import app.links.models
import app.matching.models
import app.messaging.models
import app.operations.heartbeats
import app.partners.models
import app.partners.organisations
import app.referrals.centre_contacts
import app.referrals.models
import app.referrals.quality
import app.referrals.refusal_proposals
import app.referrals.thread_models
import app.staff.invitations
import app.staff.known_browsers
import app.staff.models
import app.staff.passkeys
import app.staff.proposals
import app.staff.read_quotas
import app.tasks.models
import app.webhooks.models  # noqa: F401
