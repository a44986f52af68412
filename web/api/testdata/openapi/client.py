"""Uses a client that was generated from the server's OpenAPI document. Arguments: base URL of the API, token."""
import sys

from slipway_client import AuthenticatedClient, Client
from slipway_client.api.access import whoami
from slipway_client.api.events import list_events
from slipway_client.api.repositories import create_repository, list_repositories
from slipway_client.api.tags import get_tag, list_tag_history, set_tag
from slipway_client.api.versions import get_file, get_version, search_versions
from slipway_client.models import (
    Caller, HitList, NewRepository, Problem, Repository, RepositoryList, Tag, TagChange, TagList, TagProblem, Version,
)

base, token = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token, raise_on_unexpected_status=True)
lib = dict(repository="main", format_="test", package="lib", client=client)


def of(kind, value):
    assert isinstance(value, kind), f"{value!r} is no {kind.__name__}"
    return value


assert of(Caller, whoami.sync(client=client)).type_ == "token"
assert [r.name for r in of(RepositoryList, list_repositories.sync(client=client)).items] == ["extra", "main", "other"]
made = of(Repository, create_repository.sync(client=client, body=NewRepository(name="team-a", description="made in Python")))
assert made.description == "made in Python" and made.settings.allow_reuse is False
first = of(RepositoryList, list_repositories.sync(client=client, limit=3))
assert [r.name for r in of(RepositoryList, list_repositories.sync(client=client, after=first.next_)).items] == ["team-a"]

version = of(Version, get_version.sync(version="1.0.0", **lib))
assert version.files[0].path == "dir/file.txt" and version.facts == []
assert get_file.sync(version="1.0.0", path="dir/file.txt", **lib).payload.read() == b"lib 1.0.0"
assert [h.version for h in of(HitList, search_versions.sync(client=client, q="name:lib version:1.0.0")).items] == ["1.0.0"]

tag = of(Tag, set_tag.sync(tag="from-python", body=TagChange(version="1.0.0", reason="by a generated client"), **lib))
assert tag.generation == 1 and tag.set_at.tzinfo is not None
lost = of(TagProblem, set_tag.sync(tag="from-python", body=TagChange(version="0.9.0"), if_match='"7"', **lib))
assert lost.status == 412 and lost.current.generation == 1
assert of(Tag, get_tag.sync(tag="from-python", **lib)).version == "1.0.0"
assert [t.generation for t in of(TagList, list_tag_history.sync(tag="from-python", **lib)).items] == [1]

absent = of(Problem, get_tag.sync(tag="absent", **lib))
assert absent.status == 404 and absent.request_id
assert of(Problem, whoami.sync(client=Client(base_url=base))).status == 401

events = list_events.sync(client=client, types="tag.*")
last = events[-1]
assert last.type_ == "dev.slipway.tag.set.v1" and last.data.tag == "from-python" and last.data.package == "lib", last
assert list_events.sync(client=client, after=int(last.sequence), types="tag.*") == []
