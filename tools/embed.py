#!/usr/bin/env python3
"""Writes a header that holds the text of files: embed.py OUT.h NAME FILE..."""
import os
import sys

out, name, files = sys.argv[1], sys.argv[2], sys.argv[3:]
# A raw string literal is at most 64 KiB in some compilers; pieces of 8 KiB are joined by the compiler.
rows = []
for path in files:
    text = open(path, encoding="utf-8").read()
    pieces = [text[i:i + 8192] for i in range(0, len(text), 8192)] or [""]
    body = "\n".join(f'R"ph_embed({piece})ph_embed"' for piece in pieces)
    rows.append(f'    {{"{os.path.basename(path)}", std::string_view({body}, {len(text.encode())})}},')
header = f"""#pragma once
// Made by tools/embed.py; do not edit.
#include <string_view>

namespace posthorn::embedded {{
struct {name}_file {{
  std::string_view name;
  std::string_view text;
}};
inline constexpr {name}_file {name}[] = {{
{chr(10).join(rows)}
}};
}}  // namespace posthorn::embedded
"""
os.makedirs(os.path.dirname(out), exist_ok=True)
open(out, "w", encoding="utf-8").write(header)
