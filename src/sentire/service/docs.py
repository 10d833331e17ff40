"""The page at ``/docs``: the OpenAPI document as one piece of HTML for people.

Swagger UI would be 1.5 MB of script that either comes from another host or is carried along, and
that no strict content security policy lets run. This page needs no script at all.

Reads:   an OpenAPI document
Gives:   HTML, and the policy that lets nothing but its own style in
Never:   writes anything unescaped
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

Schema = dict[str, Any]

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--mark:light-dark(#2456c4,#9db9ff)}
body{font:16px/1.55 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:2rem 1rem 5rem}
h1{margin:0}h2{margin:3rem 0 .5rem;border-top:1px solid var(--line);padding-top:2rem}h3{margin:1.5rem 0 .3rem;font-size:1rem}
a,.method{color:var(--mark)}.method{font-weight:700}
code,pre{font:.875rem/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.8rem 1rem;border-radius:.5rem;overflow-x:auto}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}
"""  # noqa: E501
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}


def render(document: dict[str, Any], *, base_url: str) -> str:
    """Write the page.

    Parameters
    ----------
    document : OpenAPI 3.1 document
    base_url : where the reader reached this server, for the examples
    """
    info, schemas = document["info"], document["components"]["schemas"]
    body = "".join(
        _operation(method, path, operation, schemas, base_url)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    records = "".join(_record(name, schema) for name, schema in sorted(schemas.items()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])}</p>"
        '<p>For programs: <a href="openapi.json">openapi.json</a></p>'
        f"<main>{body}<h2>Records</h2>{records}</main></body></html>"
    )


def _operation(
    method: str, path: str, operation: dict[str, Any], schemas: dict[str, Schema], base_url: str
) -> str:
    parts = [
        f'<h2><span class="method">{escape(method.upper())}</span> <code>{escape(path)}</code></h2>'
        f"<p>{escape(operation.get('summary', ''))}</p>"
    ]
    refs = list(_refs(operation.get("requestBody", {})))
    if refs:
        parts += [f"<h3>Body: {_links(refs)}</h3>", _fields(schemas[refs[0]])]
    examples = schemas[refs[0]].get("examples", []) if refs else [None]
    commands = [_curl(base_url + path, example) for example in examples]
    parts.append(f"<pre>{escape(chr(10).join(commands))}</pre>")
    rows = [
        [f"<code>{escape(status)}</code>", escape(answer["description"]), _links(_refs(answer))]
        for status, answer in operation["responses"].items()
    ]
    parts += ["<h3>Answers</h3>", _table(["status", "means", "record"], rows)]
    return "".join(parts)


def _curl(url: str, example: object) -> str:
    if example is None:
        return f"curl {url}"
    body = json.dumps(example, ensure_ascii=False)
    return f"curl {url} -H 'Content-Type: application/json' -d '{body}'"


def _record(name: str, schema: Schema) -> str:
    about = f"<p>{escape(schema.get('description', ''))}</p>"
    return f'<h3 id="{escape(name)}">{escape(name)}</h3>{about}{_fields(schema)}'


def _fields(schema: Schema) -> str:
    required = schema.get("required", [])
    rows = [
        [f"<code>{escape(name)}</code>", _type(field), _note(field, needed=name in required)]
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(["field", "type", ""], rows)


def _note(field: Schema, *, needed: bool) -> str:
    parts = [escape(field.get("description", ""))]
    if "default" in field:
        parts.append(f"default <code>{escape(json.dumps(field['default']))}</code>")
    elif not needed:
        parts.append("optional")
    return " ".join(filter(None, parts))


def _type(field: Schema) -> str:
    """Name the type of a field, linked where it is a record."""
    if "$ref" in field:
        return _links([_name(field["$ref"])])
    if "enum" in field:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in field["enum"])
    alternatives = field.get("anyOf") or field.get("oneOf")
    if alternatives:
        return " or ".join(_type(one) for one in alternatives)
    kind = escape(str(field.get("type", "anything")))
    if kind == "array":
        return f"list of {_type(field['items'])}" if field.get("items") else "list"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_type(field['additionalProperties'])}"
    return kind


def _refs(node: object) -> Iterator[str]:
    """Names of the records that a part of the document refers to."""
    if isinstance(node, dict):
        if "$ref" in node:
            yield _name(node["$ref"])
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _name(ref: str) -> str:
    return ref.rpartition("/")[2]


def _links(names: Iterator[str] | list[str]) -> str:
    return " or ".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names)


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
