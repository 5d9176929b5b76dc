"""A fake Gmail mailbox: messages with labels, a history, and texts that must never be requested."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.connectors.fake_google.calendar import CANARY
from tests.connectors.fake_google.discovery import ErrorResponse

_HIDDEN = {"SPAM", "TRASH"}


@dataclass
class FakeMailbox:
    """One mailbox. ``page`` limits what one answer holds, whatever the client asks for."""

    address: str
    page: int = 500
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: list[dict[str, Any]] = field(default_factory=list)
    history: int = 1000
    oldest: int = 0  # history from before this is not kept any more
    generation: int = 0  # page tokens of an earlier one are of no use

    def put(
        self, sent_at: datetime, sender: str, *recipients: str, labels: tuple[str, ...] = ("INBOX",), **headers: str
    ) -> str:
        """Add a message that arrives, or that its owner sends (label SENT); return its id."""
        number = len(self.messages) + 1
        message_id = headers.pop("id", f"m{number:05x}")
        fields = {
            "From": sender,
            "To": ", ".join(recipients),
            "Date": f"{sent_at:%a, %d %b %Y %H:%M:%S %z}",
            "Message-ID": f"<{message_id}@mail.example>",
            "Subject": f"{CANARY} subject",
            "Received": f"from {CANARY} by mail.example",
            **{name.replace("_", "-"): value for name, value in headers.items() if name != "thread"},
        }
        self.history += 1
        self.messages[message_id] = {
            "id": message_id,
            "threadId": headers.get("thread", f"{number:x}"),
            "historyId": str(self.history),
            "internalDate": str(int(sent_at.timestamp() * 1000)),
            "labelIds": list(labels),
            "sizeEstimate": 1200,
            "snippet": f"{CANARY} snippet",
            "payload": {
                "headers": [{"name": name, "value": value} for name, value in fields.items() if value],
                "mimeType": "text/plain",
                "filename": "",
                "body": {"size": 5, "data": "WmVicmFmaW5jaA=="},
            },
        }
        self._record("messagesAdded", message_id)
        return message_id

    def relabel(self, message_id: str, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
        """Move a message, for instance out of the spam."""
        message = self.messages[message_id]
        message["labelIds"] = [label for label in message["labelIds"] if label not in remove] + list(add)
        self.history += 1
        message["historyId"] = str(self.history)
        if remove:
            self._record("labelsRemoved", message_id, labelIds=list(remove))
        if add:
            self._record("labelsAdded", message_id, labelIds=list(add))

    def delete(self, message_id: str) -> None:
        """Delete for good."""
        self.history += 1
        self.messages.pop(message_id)

    def forget_history(self) -> None:
        """Keep none of the history up to now."""
        self.history += 1
        self.oldest = self.history

    def _record(self, kind: str, message_id: str, **fields: Any) -> None:
        message = self.messages[message_id]
        light = {name: message[name] for name in ("id", "threadId")} | {"labelIds": list(message["labelIds"])}
        self.records.append({"id": str(self.history), "messages": [light], kind: [{"message": light, **fields}]})

    # What the API answers

    def profile(self) -> dict[str, Any]:
        """``users.getProfile``."""
        count = len(self.messages)
        return {
            "emailAddress": self.address,
            "messagesTotal": count,
            "threadsTotal": count,
            "historyId": str(self.history),
        }

    def list_response(self, query: dict[str, Any], *, metadata_only: bool) -> dict[str, Any]:
        """``users.messages.list``, newest first."""
        if "q" in query and metadata_only:
            raise ErrorResponse(403, "forbidden: Metadata scope does not support 'q' parameter")
        labels = set(query.get("labelIds", ()))
        hidden = set() if query.get("includeSpamTrash") else _HIDDEN - labels
        matches = [
            message
            for message in self.messages.values()
            if labels <= set(message["labelIds"]) and not hidden & set(message["labelIds"])
        ]
        matches.sort(key=lambda message: (int(message["internalDate"]), message["id"]), reverse=True)
        start = self._start(query)
        if start is not None:
            matches = [message for message in matches if (int(message["internalDate"]), message["id"]) < start]
        count = min(self.page, query.get("maxResults", 100), 500)
        page = matches[:count]
        answer: dict[str, Any] = {
            "messages": [{"id": message["id"], "threadId": message["threadId"]} for message in page],
            "resultSizeEstimate": len(matches),
        }
        if len(matches) > count:
            answer["nextPageToken"] = f"{self.generation}-{page[-1]['internalDate']}-{page[-1]['id']}"
        return answer

    def _start(self, query: dict[str, Any]) -> tuple[int, str] | None:
        if "pageToken" not in query:
            return None
        generation, instant, message_id = query["pageToken"].split("-")
        if generation != str(self.generation):
            raise ErrorResponse(400, "invalidArgument: Invalid pageToken")
        return int(instant), message_id

    def get(self, message_id: str, query: dict[str, Any], *, metadata_only: bool) -> dict[str, Any]:
        """``users.messages.get``."""
        shape = query.get("format", "full")
        if metadata_only and shape in {"full", "raw"}:
            raise ErrorResponse(403, f"forbidden: Metadata scope doesn't allow format {shape.upper()}")
        if message_id not in self.messages:
            raise ErrorResponse(404, "notFound: Requested entity was not found.")
        message = self.messages[message_id]
        if shape == "full":
            return message
        light = {name: value for name, value in message.items() if name != "payload"}
        if shape == "minimal":
            return light
        names = {name.lower() for name in query.get("metadataHeaders", ())}
        headers = [header for header in message["payload"]["headers"] if not names or header["name"].lower() in names]
        return light | {"payload": {"mimeType": "text/plain", "headers": headers}}

    def changes(self, query: dict[str, Any]) -> dict[str, Any]:
        """``users.history.list``."""
        if "startHistoryId" not in query:
            raise ErrorResponse(400, "invalidArgument: startHistoryId")
        since = int(query["startHistoryId"])
        if since < self.oldest:
            raise ErrorResponse(404, "notFound: Requested entity was not found.")
        kinds = {
            "messageAdded": "messagesAdded", "labelAdded": "labelsAdded", "labelRemoved": "labelsRemoved",
            "messageDeleted": "messagesDeleted",
        }  # fmt: skip
        types = {kinds[kind] for kind in query.get("historyTypes", kinds)}
        matches = [record for record in self.records if int(record["id"]) > since and types & record.keys()]
        start = self._place(query)
        end = start + min(self.page, query.get("maxResults", 100), 500)
        answer: dict[str, Any] = {"historyId": str(self.history)}
        if matches[start:end]:
            answer["history"] = matches[start:end]
        return answer | ({"nextPageToken": f"{self.generation}-{end}"} if end < len(matches) else {})

    def _place(self, query: dict[str, Any]) -> int:
        if "pageToken" not in query:
            return 0
        generation, _, place = query["pageToken"].partition("-")
        if generation != str(self.generation):
            raise ErrorResponse(400, "invalidArgument: Invalid pageToken")
        return int(place)
