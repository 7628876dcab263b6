"""What a day of a warm lane is held to, so that its days look alike."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("windows") as windows:
        windows.add_column(sa.Column("aim", sa.BigInteger(), nullable=True))
