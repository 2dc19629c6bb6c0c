"""A referral says in which way its organisation is asked; what was said by hand; agreements without a key."""

from collections.abc import Sequence

import sqlalchemy as sa

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("referrals", sa.Column("way", sa.String(length=8), nullable=True))
    op.create_table(
        "case_agreements",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_agreements_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_case_agreements_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("case_id", "organisation_id", name=op.f("pk_case_agreements")),
    )
    op.create_table(
        "centre_contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("how", sa.String(length=12), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("whom", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referrals.id"], name=op.f("fk_centre_contacts_referral_id_referrals")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_centre_contacts_member_id_members")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centre_contacts")),
    )
    op.create_index(op.f("ix_centre_contacts_referral_id"), "centre_contacts", ["referral_id"])


def downgrade() -> None:
    op.drop_table("centre_contacts")
    op.drop_table("case_agreements")
    op.drop_column("referrals", "way")
