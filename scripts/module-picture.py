#!/usr/bin/env python3
"""Draw the modules of src/ and the imports between them: docs/development/modules.svg.

    scripts/module-picture.py           writes the picture
    scripts/module-picture.py --check   fails if the committed picture is not that of src/

An arrow means "uses". It is read from `use crate::…`, `use super::…` and paths inside the code, without comments and
without tests. The picture holds no counts, so it changes only when a folder or an arrow comes or goes.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src"
PICTURE = ROOT / "docs/development/modules.svg"
ZOOMED = ["flows", "store", "http", "protocols"]
ROW, WIDTH, LEFT, TOP = 30, 170, 24, 56


def modules():
    """The modules of lib.rs, in their order there."""
    return re.findall(r"^pub mod (\w+);", (SRC / "lib.rs").read_text(), re.M)


def code(text):
    """The text without comments and without what follows `#[cfg(test)]` on a module."""
    text = re.split(r"#\[cfg\(test\)\]\s*mod \w+ \{", text)[0]
    return re.sub(r"//[^\n]*", "", text)


def names_after(text, start):
    """The first names of the path or of the braced list of paths that begins at `start`."""
    if start < len(text) and text[start] == "{":
        depth, names, expect = 0, [], True
        for match in re.finditer(r"[{},]|\w+", text[start + 1:]):
            word = match.group()
            if word == "{":
                depth += 1
            elif word == "}":
                if depth == 0:
                    break
                depth -= 1
            elif word == "," and depth == 0:
                expect = True
            elif expect and depth == 0:
                names.append((word, start + 1 + match.end()))
                expect = False
        return names
    match = re.match(r"\w+", text[start:])
    return [(match.group(), start + match.end())] if match else []


def paths(text, module):
    """Pairs (top-level module, submodule or '') that the code of a file of `module` names.

    `module` is the path of the file's module: ['flows', 'login', 'sign_in'].
    """
    found = set()

    def record(base, start):
        for name, end in names_after(text, start):
            path = base + [name]
            if len(path) >= 2:
                found.add((path[0], path[1]))
            elif text[end:end + 2] == "::":
                below = names_after(text, end + 2)
                found.update((name, sub) for sub, _ in below)
                if not below:
                    found.add((name, ""))
            else:
                found.add((name, ""))

    for match in re.finditer(r"\bcrate::", text):
        record([], match.end())
    for match in re.finditer(r"(?<![\w:])((?:super::)+)", text):
        above = match.group(1).count("super::")
        if above < len(module):
            record(module[: len(module) - above], match.end())
    return found


def files():
    for path in sorted(SRC.rglob("*.rs")):
        parts = list(path.relative_to(SRC).with_suffix("").parts)
        is_test = any(part == "testing" or part.endswith("tests") for part in parts)
        if is_test or parts in (["lib"], ["main"]):
            continue
        yield path, parts


def imports():
    """Every (importing module path, (used module, used submodule))."""
    for path, parts in files():
        module = parts[:-1] if parts[-1] == "mod" else parts
        for used in paths(code(path.read_text()), module):
            yield module, used


def top_arrows(order):
    return {(module[0], used) for module, (used, _) in imports() if used in order and used != module[0]}


def inner_arrows(top, folders):
    """Arrows between the folders of `top`. The files directly in it belong to no folder."""
    arrows = set()
    for module, (used, sub) in imports():
        if module[0] == top == used and len(module) > 1:
            if module[1] in folders and sub in folders and module[1] != sub:
                arrows.add((module[1], sub))
    return arrows


def direct(arrows, order):
    """The arrows that no longer way replaces (transitive reduction; only for graphs without a circle)."""
    uses = {name: {to for frm, to in arrows if frm == name} for name in order}

    def reach(name, seen):
        for to in uses[name]:
            if to not in seen:
                seen.add(to)
                reach(to, seen)
        return seen

    return {(a, b) for a, b in arrows if not any(b in reach(other, set()) for other in uses[a] - {b})}


def sorted_by_use(folders, arrows):
    """Used folders first; in a circle, the one that uses the fewest others first."""
    rest, out = sorted(folders), []
    while rest:
        first = min(rest, key=lambda f: (sum(1 for a, b in arrows if a == f and b in rest), f))
        rest.remove(first)
        out.append(first)
    return out


def panel(x, y, title, names, arrows):
    """One column of boxes with arcs on its right, and its height and width."""
    at = {name: y + 34 + i * ROW for i, name in enumerate(names)}
    lines = [f'<text class="title" x="{x}" y="{y + 14}">{title}</text>']
    widest = 0
    for user, used in sorted(arrows, key=lambda a: (names.index(a[0]), names.index(a[1]))):
        span = names.index(user) - names.index(used)
        bend = 14 + 11 * abs(span)
        widest = max(widest, bend)
        kind = "up" if span > 0 else "circle"
        y1, y2, right = at[user] + 8, at[used] + 14, x + WIDTH
        lines.append(
            f'<path class="{kind}" marker-end="url(#{kind})" '
            f'd="M{right} {y1} C{right + bend} {y1} {right + bend} {y2} {right + 3} {y2}"/>'
        )
    for name in names:
        lines.append(f'<rect x="{x}" y="{at[name]}" width="{WIDTH}" height="22" rx="4"/>')
        lines.append(f'<text x="{x + 10}" y="{at[name] + 15}">{name}</text>')
    return lines, 34 + len(names) * ROW, WIDTH + widest


def folders_of(top):
    return sorted(p.name for p in (SRC / top).iterdir() if p.is_dir() and not p.name.endswith("tests"))


def picture():
    order = modules()
    body, height = [], 0
    every = top_arrows(order)
    lines, used_height, used_width = panel(LEFT, TOP, "src/", order, direct(every, order))
    body += lines
    height = max(height, used_height)
    x, y = LEFT + used_width + 40, TOP
    column_width = 0
    for top in ZOOMED:
        folders = folders_of(top)
        arrows = inner_arrows(top, folders)
        names = sorted_by_use(folders, arrows)
        if y > TOP and y + 34 + len(names) * ROW > TOP + height + ROW:
            x, y, column_width = x + column_width + 40, TOP, 0
        lines, used_height, used_width = panel(x, y, f"src/{top}/", names, arrows)
        body += lines
        column_width = max(column_width, used_width)
        y += used_height + 24
        height = max(height, y - TOP - 24)
    width, total = x + column_width + LEFT, TOP + height + 20
    head = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}">
<title>The modules of Understudy and their imports</title>
<!-- Made by scripts/module-picture.py: do not edit. -->
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #1f2328 }}
.title {{ font-weight: 600 }} .note {{ font-family: system-ui, sans-serif; fill: #59636e }}
rect {{ fill: #f6f8fa; stroke: #8c959f }} path {{ fill: none }}
.up {{ stroke: #57606a }} .circle {{ stroke: #cf222e; stroke-width: 2 }}
</style>
<defs>
<marker id="up" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#57606a"/></marker>
<marker id="circle" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#cf222e"/></marker>
</defs>
<rect width="{width}" height="{total}" style="fill:#ffffff;stroke:none"/>
<text class="note" x="{LEFT}" y="24">An arrow means "uses" and points up; a red one points down and is part of a circle of folders. In src/, arrows that a longer way implies are left out.</text>
"""
    return head + "\n".join(body) + "\n</svg>\n"


def main():
    drawn = picture()
    if sys.argv[1:] == ["--check"]:
        if not PICTURE.exists() or PICTURE.read_text() != drawn:
            sys.exit(f"{PICTURE.relative_to(ROOT)} is not up to date: run scripts/module-picture.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        PICTURE.write_text(drawn)


if __name__ == "__main__":
    main()
