"""What a partner's terminal shows of a message that announces a document."""

from uuid import UUID

from app.client.decryption import OpenedPart
from app.client.documents import with_deleted

THERE, GONE = UUID(int=1), UUID(int=2)


def message(**content: object) -> OpenedPart:
    return OpenedPart("thread", 1, "desk", {"text": "We have added a document for you.", **content})


def test_a_message_about_a_deleted_document_is_marked_and_no_other() -> None:
    parts = [message(), message(document=THERE.hex), message(document=GONE.hex)]
    marked = with_deleted({"documents": [{"id": str(THERE)}]}, parts)
    assert [part.content.get("document_deleted", False) for part in marked] == [False, False, True]
    assert marked[:2] == parts[:2]
    assert with_deleted({}, parts[2:])[0].content["document_deleted"], "there is no list without documents"
