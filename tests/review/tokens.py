# SPDX-License-Identifier: Apache-2.0
"""C and C++ as tokens, and changes of them that mean nothing: other names, more lines. For properties.py.

No parser, so that it cannot share a mistake with the one that is tested: which names are local is read off
how they are used, and a name in doubt keeps its name.
"""

import re

from score import function_lines

TOKEN = re.compile(r'''
    (?P<comment> //(?:[^\n\\]|\\.|\\\n)* | /\*.*?\*/ )
  | (?P<text> (?:u8|[LuU])?R"(?P<d>[^(]*)\(.*?\)(?P=d)" | (?:u8|[LuU])?"(?:[^"\\\n]|\\.|\\\n)*"
            | [LuU]?'(?:[^'\\\n]|\\.)*' )
  | (?P<number> \.?\d(?:[eEpP][+-]|[\w.'])* )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<space> \s+ | \\\n )
  | (?P<other> ->\*? | :: | [-+*/%&|^=!<>]=  | && | \|\| | . )
''', re.X | re.S)

# Words before a name that make it a variable being declared, with those that end in a type.
TYPES = set('auto bool char double float int long short signed unsigned void'.split())
# Words after which a name is no declaration.
NOT_TYPES = set('''break case catch class const constexpr continue co_return default delete do else enum explicit
    extern for goto if inline mutable namespace new operator private protected public register return sizeof static
    struct switch template this throw try typedef typename union using virtual volatile while override final emit
    noexcept and or not alignas decltype static_cast dynamic_cast reinterpret_cast const_cast foreach
    Q_FOREACH'''.split())
KEYWORDS = TYPES | NOT_TYPES | {'true', 'false', 'nullptr', 'NULL', 'errno'}


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line
        self.parens = 0


def tokens_of(text):
    """All of the text, as tokens with their line and the number of open parentheses around them."""
    tokens, line, parens = [], 1, 0
    for m in TOKEN.finditer(text):
        t = Token(m.lastgroup if m.lastgroup != 'd' else 'text', m.group(), line)
        if t.text == ')':
            parens = max(0, parens - 1)
        t.parens = parens
        if t.text == '(':
            parens += 1
        line += t.text.count('\n')
        tokens.append(t)
    return tokens


def directive_lines(text):
    """The lines of preprocessor directives, with those that continue them."""
    lines, inside = set(), False
    for number, line in enumerate(text.split('\n'), 1):
        inside = inside or bool(re.match(r'\s*#', line))
        if inside:
            lines.add(number)
        inside = inside and line.endswith('\\')
    return lines


def local_names(path, text):
    """Local variables, parameters and static functions of a file that can be renamed without a doubt."""
    tokens = [t for t in tokens_of(text) if t.kind not in ('space', 'comment')]
    inside, directives = function_lines(path), directive_lines(text)
    declared, functions, spoilt = set(), set(), set(KEYWORDS)
    for i, t in enumerate(tokens):
        if t.kind != 'name':
            continue
        before = tokens[i - 1].text if i else ''
        after = tokens[i + 1].text if i + 1 < len(tokens) else ''
        # Members, names of others, labels, and what a macro may paste.
        if before in ('.', '->', '::', 'goto', '#', '~') or after == '::' or t.line in directives:
            spoilt.add(t.text)
            continue
        if not inside.get(t.line) and t.parens == 0:
            # Outside of functions: only a static function of C may stand here.
            if after == '(' and static_before(tokens, i):
                functions.add(t.text)
            else:
                spoilt.add(t.text)
            continue
        if after == '(' and t.text not in functions:
            spoilt.add(t.text)
        if after == ':' and before in ('{', '}', ';', ':'):
            spoilt.add(t.text)
        if after in ('=', ';', ',', ')', '[', ':', '{') and declares(tokens, i):
            declared.add(t.text)
    if not path.endswith('.c'):
        functions = set()
    return (declared | functions) - spoilt


def static_before(tokens, i):
    while i > 0 and tokens[i - 1].text not in (';', '}', '{', ')'):
        i -= 1
        if tokens[i].text == 'static':
            return True
    return False


def declares(tokens, i):
    """Is a type before this name?"""
    stars = 0
    while i > 0 and tokens[i - 1].text in ('*', '&', 'const'):
        i -= 1
        stars += tokens[i].text != 'const'
    word = tokens[i - 1] if i else None
    if not word or word.kind != 'name' or word.text in NOT_TYPES:
        return False
    if not stars or word.text in TYPES:
        return True
    # `a * b` is a declaration only where a statement or a parameter begins.
    start = tokens[i - 2].text if i > 1 else ';'
    return start in (';', '{', '}', '(', ',', 'const', 'static', 'struct', 'unsigned', '::')


def renamed(path, text, names):
    """The text with each of the names replaced; lines and everything else stay."""
    out = []
    for t in tokens_of(text):
        out.append(names.get(t.text, t.text) if t.kind == 'name' else t.text)
    return ''.join(out)


def line_gaps(text):
    """Lines behind which a line can be put: at the end of a statement or block, no comment or macro around."""
    directives = directive_lines(text)
    inside = set()
    for t in tokens_of(text):
        if t.kind in ('comment', 'text') and '\n' in t.text:
            inside |= set(range(t.line, t.line + t.text.count('\n')))
    gaps = []
    for number, line in enumerate(text.split('\n'), 1):
        bare = re.sub(r'\s*(//.*|/\*.*\*/\s*)$', '', line).rstrip()
        if number in directives or number in inside or 'postern-review' in line:
            continue
        if bare.endswith((';', '{', '}')):
            gaps.append(number)
    return gaps


def with_lines(text, places, words):
    """The text with a line more behind each of the places, and where each old line is now."""
    out, where = [], {}
    for number, line in enumerate(text.split('\n'), 1):
        out.append(line)
        where[number] = len(out)
        if number in places:
            out.append(words)
    return '\n'.join(out), where
