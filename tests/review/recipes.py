# SPDX-License-Identifier: Apache-2.0
"""What the sentences of a fix ask for, as edits: one recipe for each shape of sentence. For fixes.py.

A recipe reads the sentence as its reader would, literally: the names and code in it go into the file as they
stand there. None of them knows what would be right.
"""

import re

# What stands for "leave" and "report": it fits every function and gives back all.
LEAVE = ('__builtin_abort();', 'return -1;', 'return;', 'return NULL;', 'return false;', 'return {};', 'throw 1;')
OUT = re.compile(r'^\s*(return\b|throw\b|goto\b|break;|continue;|co_return\b|exit\(|_exit\()')


class Text:
    """The lines of a file, with those of before known by their old numbers."""

    def __init__(self, text):
        self.lines = [(n, line) for n, line in enumerate(text.split('\n'), 1)]

    def at(self, number):
        return next(i for i, (n, _) in enumerate(self.lines) if n == number)

    def line(self, number):
        return self.lines[self.at(number)][1]

    def set(self, number, line):
        self.lines[self.at(number)] = (number, line)

    def before(self, number, words):
        """Put a statement before the one that begins on the line, in braces where only one may stand."""
        i = self.at(number)
        indent = re.match(r'\s*', self.lines[i][1]).group()
        if i and alone_below(self.lines[i - 1][1]) and self.lines[i][1].strip() not in ('{', '}'):
            self.lines.insert(self.end_of(i) + 1, (None, indent + '}'))
            words = '{ ' + words
        self.lines.insert(i, (None, indent + words))

    def after(self, number, words):
        i = self.at(number)
        indent = re.match(r'\s*', self.lines[i][1]).group()
        end = self.end_of(i)
        if i and alone_below(self.lines[i - 1][1]):
            self.lines.insert(end + 1, (None, indent + words + ' }'))
            self.lines.insert(i, (None, indent + '{'))
            return
        self.lines.insert(end + 1, (None, indent + words))

    def end_of(self, i):
        """The last line of the statement that begins with line i."""
        depth = 0
        while i < len(self.lines) - 1:
            bare = re.sub(r'"(\\.|[^"\\])*"|//.*|/\*.*?\*/', '', self.lines[i][1])
            depth += bare.count('(') - bare.count(')')
            if depth <= 0 and re.search(r'[;{}]\s*$', bare):
                break
            i += 1
        return i

    def drop(self, number):
        self.lines[self.at(number)] = (number, '')

    def text(self):
        return '\n'.join(line for _, line in self.lines)


def alone_below(line):
    """Does a line such as `if (…)` take just the statement below it?"""
    bare = re.sub(r'//.*|/\*.*?\*/', '', line).strip()
    return bool(re.match(r'(\} )?(if|for|while|else if|else)\b|\w+ ?\(.*\)$', bare)) and \
        not bare.endswith(('{', ';', '}'))


def close(text, finding, match):
    """Call F(X) on every way out after line N."""
    words = match.group(1).replace(' and ', '; ') + ';'
    leaves = [n for n in (finding['line'], finding.get('also')) if n and
              (OUT.match(text.line(n)) or text.line(n).strip().startswith('}'))]
    if not leaves:
        return 'no way out is named'
    text.before(leaves[0], words)
    return None


def close_after(text, finding, match):
    """Store what line N returns in a variable, call F(X), and return the variable."""
    i = text.at(int(match.group(1)))
    end = text.end_of(i)
    value = re.match(r'\s*return\b\s*(.*);', ' '.join(line for _, line in text.lines[i:end + 1]), re.S)
    if not value:
        return 'no value is returned on that line'
    text.lines[i:end + 1] = [(text.lines[i][0], '\t{ __auto_type kept_ = %s; %s; return kept_; }' % (
        value.group(1), match.group(2)))]
    return None


def close_unless_closed(text, finding, match):
    """Line N releases X on some paths: set X to V right after it, and put `if (X != V) F(X);` before line M."""
    text.after(int(match.group(1)), '%s = %s;' % (match.group(2), match.group(4)))
    text.before(int(match.group(3)), match.group(5))
    return None


def removed(text, finding, match):
    """Remove `X` from line N."""
    number = int(match.group(2))
    if match.group(1) + ';' not in text.line(number):
        return 'it is not on that line'
    text.set(number, text.line(number).replace(match.group(1) + ';', '{ }'))
    return None


def invalid(text, finding, match):
    """Set X to V right after line N, and skip what needs it when it has that value."""
    name, value, line = match.group(1), match.group(2), int(match.group(3))
    text.after(line, '%s = %s;' % (name, value))
    text.before(finding['line'], 'if (%s != %s)' % (name, value))
    return None


def owner(text, finding, match):
    """Give x an owner right after line N: `Owner<T> xOwner(x);`, and remove every `delete x`."""
    ended = re.compile(r'(?<![\w.>])%s;' % re.escape(match.group(4)))
    line = int(match.group(2))
    # In the function alone: up to the brace that ends it.
    for number, words in list(text.lines[text.at(line):]):
        if words.startswith('}'):
            break
        if ended.search(words):
            text.set(number, ended.sub(';', words))
    text.after(line, match.group(3))
    return None


def parent(text, finding, match):
    """Give X a parent: `new T(this)`."""
    line = text.line(finding['line'])
    made = re.search(r'new %s(\(\))?(?!\w|\()' % re.escape(match.group(2)), line)
    if not made:
        return 'it is not made on that line'
    text.set(finding['line'], line[:made.start()] + match.group(1) + line[made.end():])
    return None


def connected(text, finding, match):
    """connect(s, &T::disconnected, s, &QObject::deleteLater)."""
    made = re.search(r'(\w+)\s*=\s*[\w.>()-]*nextPendingConnection', text.line(finding['line']))
    if not made:
        return 'what is returned has no name'
    text.after(finding['line'], match.group(1) + ';')
    return None


def terminator(text, finding, match):
    """Read one byte less at line N and end what came."""
    at, name, code = int(match.group(1)), match.group(2), match.group(3)
    line = text.line(at)
    size = re.search(r'\b%s(?:\.data\(\))?,\s*(?:1,\s*)?((?:[^(),]|\([^()]*\))+)(?=[,)])' % re.escape(name), line)
    if not size:
        return 'the size of %s is not on line %d' % (name, at)
    text.set(at, line[:size.end(1)] + ' - 1' + line[size.end(1):])
    if re.match(r'\s*[^(]*=[^=]', line) and re.search(r';\s*(//.*|/\*.*)?$', line):
        text.after(at, code + ';')
    else:
        text.before(finding['line'], code + ';')
    return None


def one_less(text, finding, match):
    size = 'sizeof(%s)' % match.group(2)
    for number in (finding['line'], finding.get('also')):
        if number and size in text.line(number):
            text.set(number, text.line(number).replace(size, match.group(1)))
            return None
    return 'the size is not %s on a line that is named' % size


def condition(text, finding, match):
    """Make it `if (…)`."""
    i = text.at(finding['line'])
    end = text.end_of(i)
    indent = re.match(r'\s*', text.lines[i][1]).group()
    text.lines[i:end + 1] = [(finding['line'], indent + match.group(1)), (None, indent + '\tLEAVE')]
    return None


def looked_at(text, finding, match):
    """Test X right after F(), and leave when it is V."""
    name, value = match.group(1), match.group(2)
    made = finding.get('also') or finding['line']
    if made >= finding['line'] and made != finding['line']:
        return 'it is not made before'
    if made == finding['line'] and not re.search(r'\b%s\b\s*=' % re.escape(name), text.line(made)):
        return 'it has no name to be tested by'
    text.after(made, 'if (%s == %s) LEAVE' % (name, value))
    return None


def begin(text, finding, match):
    """Begin F() with `if (…)`."""
    i = text.at(finding['line'])
    while i > 0 and not (text.lines[i][1].rstrip().endswith('{') and not text.lines[i][1].startswith((' ', '\t'))):
        i -= 1
    text.lines.insert(i + 1, (None, '\t%s LEAVE' % match.group(1)))
    return None


def tested(text, finding, match):
    """Test X() in F() and handle the failure."""
    line = text.line(finding['line'])
    call = line.strip().rstrip(';')
    if not line.strip().split('//')[0].rstrip().endswith(';') or re.match(r'(return|if|while)\b', call):
        return 'no statement of its own'
    call = re.sub(r'\s*(//.*|/\*.*)$', '', line).strip().rstrip(';')
    text.set(finding['line'], re.match(r'\s*', line).group() + 'if (!%s) LEAVE' % call)
    return None


def limited(text, finding, match):
    """Give F() a limit in milliseconds."""
    line = text.line(finding['line'])
    if not re.search(r'-1\b', line):
        return 'no -1 on this line'
    text.set(finding['line'], re.sub(r'-1\b', '1000', line, count=1))
    return None


def refused(text, finding, match):
    text.before(finding['line'], 'if (%s > %s) LEAVE' % (match.group(1), match.group(2)))
    return None


def below(text, finding, match):
    name, array = match.group(1), match.group(2)
    if not re.search(r'(?<=\w)(?<!return)\s+%s\s*\[[^\]]*\]\s*[=;,]' % re.escape(array), text.text()):
        return '%s is no array with a number of elements' % array
    text.before(finding['line'], 'if ((unsigned long)%s >= sizeof(%s) / sizeof(*%s)) LEAVE' % (name, array, array))
    return None


RECIPES = [
    ('close it behind the value',
     r'store what line (\d+) returns in a variable, call ([\w:]+\(.+?\)), and return the variable', close_after),
    ('close it unless it is closed', r'line (\d+) releases `(.+?)` on some of the paths to line (\d+): set `.+?` to '
     r'(-1|NULL|nullptr) right after it, and put `(if .+?;)` before', close_unless_closed),
    ('remove the second', r'remove `(.+?)` from line (\d+)', removed),
    ('close it', r'call ([\w:]+\(.+?\)) on every way out after line \d+', close),
    ('set it to none', r'set `(.+?)` to (-1|NULL|nullptr) right after line (\d+)', invalid),
    ('an owner',
     r'give `(?P<name>[^`]+)` an owner right after line (\d+): `([^`]+)`, and remove every `([^`]+)`', owner),
    ('a parent', r'Give `.+?` a parent: `(new (\w+)\(this\))`', parent),
    ('delete it when it disconnects',
     r'`(QObject::connect\(\w+, &\w+::disconnected, \w+, &QObject::deleteLater\))`', connected),
    ('a terminator', r'Let .*? on line (\d+) read one byte less than `(.+?)` holds and terminate what came: `([^`]+)`',
     terminator),
    ('one byte less', r'read at most `(sizeof\((.+?)\) - 1)` bytes', one_less),
    ('a condition', r'make it `(if \(.+?\))`', condition),
    ('test it', r'test `(.+?)` right after .*? when it is (-1|NULL|nullptr|0)', looked_at),
    ('begin with a test', r'Begin \S+ with `(if \(.+?\))`', begin),
    ('test the call', r'^Test (.+?\(\)) in .*? and handle the failure', tested),
    ('a limit', r'^Give \S+ a limit in milliseconds', limited),
    ('refuse what is larger', r'refuse the message when `(.+?)` is larger than `(.+?)`', refused),
    ('refuse what is not below', r'refuse the message when `(.+?)` is not below the number of elements of `(.+?)`',
     below),
]


def edits(text, finding, given):
    """Edits that the tool itself gives: [{line, column, end_line, end_column, text}], 1-based, end exclusive."""
    lines = text.split('\n')
    for e in sorted(given, key=lambda e: (e['line'], e['column']), reverse=True):
        first, last = lines[e['line'] - 1], lines[e['end_line'] - 1]
        head, tail = first.encode()[:e['column'] - 1].decode(), last.encode()[e['end_column'] - 1:].decode()
        lines[e['line'] - 1:e['end_line']] = (head + e['text'] + tail).split('\n')
    return '\n'.join(lines)


def apply(source, finding, fix):
    """(name of the recipe, text or None, why not)."""
    if finding.get('edits'):
        return 'edits', edits(source, finding, finding['edits']), ''
    for name, pattern, function in RECIPES:
        match = re.search(pattern, fix)
        if not match:
            continue
        text = Text(source)
        why = function(text, finding, match)
        return name, None if why else text.text(), why or ''
    return None, None, ''
