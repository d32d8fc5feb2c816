#!/usr/bin/env python3
"""A preprocessor of the book: pages that the book shares with the folders around it.

The exercises' sheets, the differences and the results are read on their own too, so their links go
from file to file. In the book, a page that is one include of such a file gets its text from here,
with each link mended: to the page of the book that shows the same file, in the other book if it is
the other language's; to nothing where the book has no such page, with the file named instead.
Without this, mdBook includes the text as it is.
"""

import base64
import json
import os
import re
import sys

REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
OTHER = {"en": "zh", "zh": "en"}
INCLUDE = re.compile(r"\s*\{\{#include (\S+\.md)\}\}\s*")
FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^)\s]+)\)")
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
    """A page of the book that shows a file from outside."""

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
        if "://" in link or link.startswith("#"):
            return match.group()
        file, anchor = self.target(link)
        if file in self.book.pages:
            page = self.book.pages[file]
            text = page["name"] if text == os.path.basename(file) else text
            return f"[{text}]({self.relative(page['path'])}{anchor})"
        if in_other_language(file) in self.book.pages:
            page = self.book.pages[in_other_language(file)]["path"].removesuffix(".md") + ".html"
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

    def text(self):
        with open(self.file, encoding="utf-8") as file:
            parts = FENCED.split(file.read())
        # Every second part is a block of code.
        for at in range(0, len(parts), 2):
            parts[at] = PICTURE.sub(self.mend_picture, LINK.sub(self.mend_link, parts[at]))
        return "".join(parts)


class Book:
    """All chapters, and which file each of them shows."""

    def __init__(self, context, book):
        source = os.path.join(context["root"], context["config"]["book"].get("src", "src"))
        self.language = context["config"]["book"]["language"]
        self.chapters = list(chapters(book.get("items") or book.get("sections")))
        self.pages, self.shared = {}, []
        for chapter in self.chapters:
            file = os.path.realpath(os.path.join(source, chapter["path"]))
            include = INCLUDE.fullmatch(chapter["content"])
            if include:
                file = os.path.realpath(os.path.join(os.path.dirname(file), include.group(1)))
                self.shared.append(Page(self, chapter, file))
            self.pages[file] = chapter

    def mend(self):
        for page in self.shared:
            page.chapter["content"] = page.text()


if __name__ == "__main__":
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0)  # any renderer
    context, book = json.load(sys.stdin)
    Book(context, book).mend()
    json.dump(book, sys.stdout)
