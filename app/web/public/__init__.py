"""The person's pages: form, receipt, return, counting, and the ways out."""

from fastapi import APIRouter

from app.web.public import asked, changing, form, number, numbers, plain, returning, whole

router = APIRouter(include_in_schema=False)
router.include_router(plain.root)
for part in (
    whole.router,
    form.router,
    number.router,
    changing.router,
    returning.router,
    asked.router,
    numbers.router,
    plain.router,
):
    router.include_router(part, prefix="/{lang}")
