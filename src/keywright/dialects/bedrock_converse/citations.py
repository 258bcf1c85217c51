"""Citations of other dialects in this API's form: what was cited, its title and its address."""

from keywright.core.loss import Loss
from keywright.core.message import Citation
from keywright.dialects.bedrock_converse.wire import NAME, Node


def cited(citations: tuple[Citation, ...], path: str, losses: list[Loss]) -> list[Node]:
    """The citations of a text as they stand in its block."""
    return [citation_node(citation, path, losses) for citation in citations]


def citation_node(citation: Citation, path: str, losses: list[Loss]) -> Node:
    """One citation. One from elsewhere keeps its title, its address and its words."""
    if citation.origin == NAME:
        return dict(citation.body)
    loss = Loss(path, "of a citation from elsewhere only title, address and words can be told")
    if loss not in losses:
        losses.append(loss)
    node: Node = {}
    if citation.title is not None:
        node["title"] = citation.title
    if citation.url is not None:
        node["source"] = citation.url
        node["location"] = {"web": {"url": citation.url}}
    if citation.cited_text is not None:
        node["sourceContent"] = [{"text": citation.cited_text}]
    return node
