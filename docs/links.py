#!/usr/bin/env python3
"""A preprocessor of the book: what the book shares with the folders around it.

It runs twice: before mdBook includes what is named, for the links, and as `links.py outdent` behind
that, for the code.

The exercises' sheets, the differences and the results are read on their own too, so their links go
from file to file. In the book, a page that is one include of such a file gets its text from here.
In every page each link is mended: to the page of the book that shows the same file, or to the other
book if it is the other language's; where the book has no such page, the file is named instead. And
the plots, which lie outside the book, are put into the page.
Without this, mdBook includes the text as it is.
"""

import base64
import json
import os
import re
import sys
import textwrap

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
OTHER = {"en": "zh", "zh": "en"}
INCLUDE = re.compile(r"\s*\{\{#include (\S+\.md)\}\}\s*")
FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
# A link, or code, in which there is none.
LINK = re.compile(r"`[^`]*`|\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^)\s]+)\)")
PICTURE = re.compile(r'<picture>\s*<source [^>]*srcset="([^"]+)">\s*<img src="([^"]+)" alt="([^"]*)">\s*</picture>')


def chapters(items):
    """All chapters that have a page, those below others too."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            if chapter["path"]:
                yield chapter
            yield from chapters(chapter["sub_items"])


def in_other_language(file):
    """The same page's file in the other language."""
    base = file.removesuffix(".md")
    return base.removesuffix(".zh-CN") + (".md" if base.endswith(".zh-CN") else ".zh-CN.md")


def data(file):
    """A picture as an address: a book holds no files from outside its folder."""
    with open(file, "rb") as picture:
        return "data:image/svg+xml;base64," + base64.b64encode(picture.read()).decode()


class Page:
    """A page of the book, and the file whose text it shows."""

    def __init__(self, book, chapter, file):
        self.book, self.chapter, self.file = book, chapter, file

    def target(self, link):
        """The file that a link leads to, and the place in it."""
        path, _, anchor = link.partition("#")
        file = os.path.join(os.path.dirname(self.file), path) if path else self.file
        return os.path.realpath(file), "#" + anchor if anchor else ""

    def relative(self, path):
        return os.path.relpath(path, os.path.dirname(self.chapter["path"]) or ".")

    def mend_link(self, match):
        text, link = match.groups()
        if not link or "://" in link or link.startswith("#"):
            return match.group()
        file, anchor = self.target(link)
        if file in self.book.pages:
            page = self.book.pages[file].chapter
            text = page["name"] if text == os.path.basename(file) else text
            return f"[{text}]({self.relative(page['path'])}{anchor})"
        if in_other_language(file) in self.book.pages:
            page = self.book.pages[in_other_language(file)].chapter["path"].removesuffix(".md") + ".html"
            return f"[{text}]({self.relative(os.path.join('..', OTHER[self.book.language], page))}{anchor})"
        name = os.path.relpath(file, REPOSITORY)
        return f"`{name}`" if name.endswith(text.strip("`")) else text

    def mend_picture(self, match):
        """One picture for light themes and one for dark ones, by the book's theme, not the system's."""
        dark, light, alt = match.groups()
        images = (
            f'<img class="in-{theme}" src="{data(self.target(file)[0])}" alt="{alt}">'
            for theme, file in (("light", light), ("dark", dark))
        )
        return "".join(images)

    def mend(self):
        parts = FENCED.split(self.chapter["content"])
        # Every second part is a block of code.
        for at in range(0, len(parts), 2):
            parts[at] = PICTURE.sub(self.mend_picture, LINK.sub(self.mend_link, parts[at]))
        self.chapter["content"] = "".join(parts)


class Book:
    """All pages, by their files: the one in the book's folder, and the one that it shows."""

    def __init__(self, context, book):
        source = os.path.join(context["root"], context["config"]["book"].get("src", "src"))
        self.language = context["config"]["book"]["language"]
        self.pages = {}
        for chapter in chapters(book["items"]):
            own = shown = os.path.realpath(os.path.join(source, chapter["path"]))
            include = INCLUDE.fullmatch(chapter["content"])
            if include:
                shown = os.path.realpath(os.path.join(os.path.dirname(own), include.group(1)))
                with open(shown, encoding="utf-8") as text:
                    chapter["content"] = text.read()
            self.pages[own] = self.pages[shown] = Page(self, chapter, shown)


def outdent(block):
    """What is cut out of a function keeps its indentation, and a page has no room for that."""
    first, *code, last = block.split("\n")
    return "\n".join([first, *textwrap.dedent("\n".join(code)).split("\n"), last])


if __name__ == "__main__":
    if "supports" in sys.argv:
        sys.exit(0)  # any renderer
    context, book = json.load(sys.stdin)
    if "outdent" in sys.argv:
        for chapter in chapters(book["items"]):
            chapter["content"] = FENCED.sub(lambda block: outdent(block.group()), chapter["content"])
    else:
        for page in set(Book(context, book).pages.values()):
            page.mend()
    json.dump(book, sys.stdout)
