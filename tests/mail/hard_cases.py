"""HTML as it must be expected in mail, and what following it makes of it (T3).

The tests of the rewriting read what comes out, those in the browser where it leads.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """`after` shows a redirect as `[number of the link]`; `urls` are where these lead."""

    name: str
    before: str
    after: str
    urls: tuple[str, ...] = ()


def case(name: str, before: str, after: str | None = None, *urls: str) -> Case:
    return Case(name, before, before if after is None else after, urls)


WRITTEN = [
    case(
        "double quotes", '<a href="https://e.com/">x</a>', '<a href="[0]">x</a>', "https://e.com/"
    ),
    case(
        "single quotes", "<a href='https://e.com/'>x</a>", "<a href='[0]'>x</a>", "https://e.com/"
    ),
    case("no quotes", "<a href=https://e.com/>x</a>", "<a href=[0]>x</a>", "https://e.com/"),
    case(
        "no quotes before another attribute",
        "<a href=https://e.com/a class=b>x</a>",
        "<a href=[0] class=b>x</a>",
        "https://e.com/a",
    ),
    case(
        "no quotes but quotes inside",
        "<a href=https://e.com/\"a'>x</a>",
        "<a href=[0]>x</a>",
        "https://e.com/%22a'",
    ),
    case(
        "upper case and spaces around the equals sign",
        '<A\tHREF\n=\r\n"https://e.com/" ID=i>x</A>',
        '<A\tHREF\n=\r\n"[0]" ID=i>x</A>',
        "https://e.com/",
    ),
    case(
        "a slash before the href",
        '<a/href="https://e.com/"/>x</a>',
        '<a/href="[0]"/>x</a>',
        "https://e.com/",
    ),
    case(
        "no space between attributes",
        '<a id="i"href="https://e.com/"class="c">x</a>',
        '<a id="i"href="[0]"class="c">x</a>',
        "https://e.com/",
    ),
    case(
        "the first of two hrefs counts",
        '<a href="https://e.com/1" HREF="https://e.com/2">x</a>',
        '<a href="[0]" HREF="https://e.com/2">x</a>',
        "https://e.com/1",
    ),
    case(
        "something like a link in another attribute",
        '<a title=\'<a href="https://no.com/">\' href="https://e.com/">x</a>',
        '<a title=\'<a href="https://no.com/">\' href="[0]">x</a>',
        "https://e.com/",
    ),
    case(
        "names that only look like href",
        '<a data-href="https://e.com/1" hrefs="https://e.com/2" xhref="https://e.com/3">x</a>',
    ),
    case(
        "one destination twice is two links",
        '<a href="https://e.com/">x</a><a href="https://e.com/">y</a>',
        '<a href="[0]">x</a><a href="[1]">y</a>',
        "https://e.com/",
        "https://e.com/",
    ),
    case(
        "Windows line ends and letters outside the basic plane before the link",
        '<p>Olá 😀\r\n\r\né\r</p>\r\n<a\r\nhref="https://e.com/">\r\n😀</a>\r\n',
        '<p>Olá 😀\r\n\r\né\r</p>\r\n<a\r\nhref="[0]">\r\n😀</a>\r\n',
        "https://e.com/",
    ),
    case(
        "a byte order mark before the document",
        '\ufeff<html><a href="https://e.com/">x</a>',
        '\ufeff<html><a href="[0]">x</a>',
        "https://e.com/",
    ),
]

ADDRESSES = [
    ("ampersands written bare", "https://e.com/?a=1&b=2", "https://e.com/?a=1&b=2"),
    ("ampersands written as entities", "https://e.com/?a=1&amp;b=2", "https://e.com/?a=1&b=2"),
    ("an entity written twice", "https://e.com/?a=1&amp;amp;b=2", "https://e.com/?a=1&amp;b=2"),
    ("&copy= is no entity", "https://e.com/?x=1&copy=2", "https://e.com/?x=1&copy=2"),
    ("&reg= is no entity", "https://e.com/?x=1&reg=eu", "https://e.com/?x=1&reg=eu"),
    ("&notify= is no entity", "https://e.com/?x=1&notify=1", "https://e.com/?x=1&notify=1"),
    ("&para1 is no entity", "https://e.com/?x=1&para1=1", "https://e.com/?x=1&para1=1"),
    ("&lt at the end is one", "https://e.com/?x=1&lt", "https://e.com/?x=1%3C"),
    ("&copy; is one", "https://e.com/?x=1&copy;=2", "https://e.com/?x=1%C2%A9=2"),
    ("&times; in a path", "https://e.com/3&times;4", "https://e.com/3%C3%974"),
    ("numbers as entities", "https&#58;//e.com&#x2F;a&#47b", "https://e.com/a/b"),
    ("a destination inside", "https://e.com/?u=https://f.com/?u=x", None),
    ("a wrapped destination", "https://e.com/?u=https%3A%2F%2Ff.com%2F%3Fu%3Dx%26y", None),
    ("a fragment", "https://e.com/a?b#c?d=e&amp;f", "https://e.com/a?b#c?d=e&f"),
    ("no slash after the host", "https://e.com?a=b", "https://e.com/?a=b"),
    ("an upper-case scheme and host", "HTTPS://E.Com/Path", "https://e.com/Path"),
    ("a default port", "http://e.com:80/", "http://e.com/"),
    ("a port", "http://e.com:8080/", None),
    ("no slashes", "http:e.com", "http://e.com/"),
    ("backslashes", "http:\\\\e.com\\a\\b?c\\d", "http://e.com/a/b?c\\d"),
    ("spaces around and inside", " \n https://e.com/a b?c d \t", "https://e.com/a%20b?c%20d"),
    ("line breaks inside", "https://e.com/lo\r\n\tng?a=1\n&b=2", "https://e.com/long?a=1&b=2"),
    ("an international name", "https://münchen.de/", "https://xn--mnchen-3ya.de/"),
    ("a name in Japanese", "https://例え.jp/", "https://xn--r8jz45g.jp/"),
    ("a name in Arabic", "https://موقع.example/", "https://xn--4gbrim.example/"),
    ("a sharp s", "https://straße.de/", "https://xn--strae-oqa.de/"),
    ("a full-width name", "https://ｅ．ｃｏｍ/", "https://e.com/"),
    ("letters outside ASCII", "https://e.com/ção?q=ção#ção", "https://e.com/%C3%A7%C3%A3o?q=%C3%A7%C3%A3o#%C3%A7%C3%A3o"),
    ("percent-encoding is kept", "https://e.com/%7e%2F%2f?a=%41+%20", None),
    ("broken percent-encoding is kept", "https://e.com/100%?q=%zz", None),
    ("quotes as entities", "https://e.com/?q=&quot;a&quot;&apos;", "https://e.com/?q=%22a%22%27"),
    ("angle brackets", "https://e.com/?q=<b>", "https://e.com/?q=%3Cb%3E"),
    ("credentials", "https://u:p%40ss@e.com/", None),
    ("dots in the path", "https://e.com/a/../b/./c", "https://e.com/b/c"),
    ("an IPv6 host", "http://[2001:DB8::1]/", "http://[2001:db8::1]/"),
    ("a number as host", "http://0x7f.1/", "http://127.0.0.1/"),
    ("a template's braces", "https://e.com/{{id}}?a={b}", "https://e.com/%7B%7Bid%7D%7D?a={b}"),
]  # fmt: skip

LEFT = [
    ("mail", "mailto:ana@contoso.com?subject=a&amp;body=https://e.com/"),
    ("telephone", "tel:+551199"),
    ("an anchor", "#top"),
    ("an inline part", "cid:logo@contoso.com"),
    ("data", "data:text/html,<p>"),
    ("nothing", ""),
    ("spaces", "  "),
    ("a relative path", "prices.html"),
    ("an absolute path", "/prices"),
    ("a query", "?a=b"),
    ("an address without scheme", "www.contoso.com/prices"),
    ("an address without scheme but slashes", "//contoso.com/prices"),
    ("a placeholder", "{{unsubscribe_url}}"),
    ("script", "javascript:location='https://e.com/'"),
    ("script in disguise", " java&#10;script:alert(1)"),
    ("Visual Basic script", "vbscript:x"),
    ("a file", "file:///etc/passwd"),
    ("another scheme", "ftp://e.com/"),
    ("a view of the source", "view-source:https://e.com/"),
    ("no host", "https://"),
    ("a space in the host", "https://e .com/"),
    ("a port that is none", "https://e.com:99999/"),
]

NO_LINKS = [
    ("a comment", "<!-- <a href='https://e.com/'>x</a> -->"),
    ("a comment that only resembles a conditional one", "<!-- [if mso]><a href='https://e.com/'>x</a><![endif]-->"),
    ("a conditional comment without end", "<!--[if mso]><a href='https://e.com/'>x</a>-->"),
    ("a comment that never ends", "<p>x<!--[if mso]><a href='https://e.com/'>x</a><![endif]"),
    ("a script", "<script>var a = \"<a href='https://e.com/'>\"</script>"),
    ("a script with a comment", "<script><!--[if mso]><a href='https://e.com/'>x</a><![endif]--></script>"),
    ("a style", "<style><a href='https://e.com/'>x</a></style>"),
    ("a title", "<title><a href='https://e.com/'>x</a></title>"),
    ("a text area", "<textarea><a href='https://e.com/'>x</a></textarea>"),
    ("a template", "<template><a href='https://e.com/'>x</a></template>"),
    ("a template with a shadow root", "<div><template shadowrootmode=open><a href='https://e.com/'>x</a></template></div>"),
    ("an example", "<xmp><a href='https://e.com/'>x</a></xmp>"),
    ("plain text", "<plaintext><a href='https://e.com/'>x</a>"),
    ("an inner frame", "<iframe><a href='https://e.com/'>x</a></iframe>"),
    ("a character data section of a drawing", "<svg><![CDATA[<a href='https://e.com/'>x</a>]]></svg>"),
    ("a declaration", "<!a href='https://e.com/'>"),
    ("a processing instruction", "<?a href='https://e.com/'>"),
    ("an end tag", "</a href='https://e.com/'>"),
    ("an attribute", "<p title=\"<a href='https://e.com/'>\">x</p>"),
    ("written-out tags", "&lt;a href='https://e.com/'&gt;"),
    ("other elements", "<link href='https://e.com/'><form action='https://e.com/'><img src='https://e.com/'>"),
    ("an element whose name begins with a", "<abbr href='https://e.com/'>x</abbr><a:b href='https://e.com/'>x</a:b>"),
    ("an address in the text", "<p>See https://e.com/ or www.e.com</p>"),
]  # fmt: skip

ELSEWHERE = [
    case(
        "an image map",
        '<map name=m><area shape=rect coords="0,0,9,9" href="https://e.com/1" alt="One">'
        "<AREA HREF='https://e.com/2'></map>",
        '<map name=m><area shape=rect coords="0,0,9,9" href="[0]" alt="One">'
        "<AREA HREF='[1]'></map>",
        "https://e.com/1",
        "https://e.com/2",
    ),
    case(
        "Outlook's conditional comments",
        "<!--[if mso]><table><tr><td><a href='https://e.com/?a=1&amp;b=2'>x</a><![endif]-->"
        '<a href="https://e.com/2">x</a><!--[IF (gte mso 9)|(IE)]></td><A HREF=https://e.com/3><![endif]-->',
        "<!--[if mso]><table><tr><td><a href='[0]'>x</a><![endif]-->"
        '<a href="[1]">x</a><!--[IF (gte mso 9)|(IE)]></td><A HREF=[2]><![endif]-->',
        "https://e.com/?a=1&b=2",
        "https://e.com/2",
        "https://e.com/3",
    ),
    case(
        "Outlook's buttons",
        '<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" arcsize="8%" href="https://e.com/1">'
        "<w:anchorlock/><center>Go</center></v:roundrect><V:Rect href='https://e.com/2'/><![endif]-->",
        '<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" arcsize="8%" href="[0]">'
        "<w:anchorlock/><center>Go</center></v:roundrect><V:Rect href='[1]'/><![endif]-->",
        "https://e.com/1",
        "https://e.com/2",
    ),
    case(
        "sections that Outlook is not shown",
        '<!--[if !mso]><!--><a href="https://e.com/1">x</a><!--<![endif]-->'
        '<!--[if !mso]>--><a href="https://e.com/2">x</a><!--<![endif]-->'
        '<![if !mso]><a href="https://e.com/3">x</a><![endif]>',
        '<!--[if !mso]><!--><a href="[0]">x</a><!--<![endif]-->'
        '<!--[if !mso]>--><a href="[1]">x</a><!--<![endif]-->'
        '<![if !mso]><a href="[2]">x</a><![endif]>',
        "https://e.com/1",
        "https://e.com/2",
        "https://e.com/3",
    ),
    case(
        "sections that only Outlook is shown, written without a comment",
        '<![if mso]><v:rect href="https://e.com/"></v:rect><![endif]>',
        '<![if mso]><v:rect href="[0]"></v:rect><![endif]>',
        "https://e.com/",
    ),
    case(
        "a conditional comment that breaks off inside a tag",
        '<!--[if mso]><a href="https://e.com/" <![endif]-->',
    ),
    case(
        "a condition inside a condition",
        '<!--[if mso]><!--[if gte mso 9]><a href="https://e.com/1">x</a><![endif]-->'
        '<a href="https://e.com/2">x</a><![endif]-->',
        '<!--[if mso]><!--[if gte mso 9]><a href="https://e.com/1">x</a><![endif]-->'
        '<a href="[0]">x</a><![endif]-->',
        "https://e.com/2",
    ),
    case(
        "a condition that breaks off inside a condition",
        "<!--[if mso]><a href='https://e.com/'>x</a><!--[if mso]><a href='https://e.com/2'><![endif]-->",
        "<!--[if mso]><a href='[0]'>x</a><!--[if mso]><a href='https://e.com/2'><![endif]-->",
        "https://e.com/",
    ),
    case(
        "the same condition first in a script, then in earnest",
        "<script>'<!--[if mso]><a href=https://e.com/>x</a><![endif]-->'</script>"
        "<!--[if mso]><a href=https://e.com/>x</a><![endif]-->",
        "<script>'<!--[if mso]><a href=https://e.com/>x</a><![endif]-->'</script>"
        "<!--[if mso]><a href=[0]>x</a><![endif]-->",
        "https://e.com/",
    ),
    case(
        "text that looks like the marks with which conditions are found",
        "<!--[00;if mso]><![endif]--><![00]><![000;]><!--[if mso]><a href=https://e.com/>x</a><![endif]-->",
        "<!--[00;if mso]><![endif]--><![00]><![000;]><!--[if mso]><a href=[0]>x</a><![endif]-->",
        "https://e.com/",
    ),
    case(
        "a section for readers without script, which mail clients are",
        '<noscript><a href="https://e.com/">x</a></noscript>',
        '<noscript><a href="[0]">x</a></noscript>',
        "https://e.com/",
    ),
    case(
        "a drawing",
        '<svg><a xlink:href="https://e.com/1"><text>x</text></a>'
        '<a xlink:href="https://e.com/2" href="https://e.com/3"><title>x</title></a></svg>',
        '<svg><a xlink:href="[0]"><text>x</text></a>'
        '<a xlink:href="https://e.com/2" href="[1]"><title>x</title></a></svg>',
        "https://e.com/1",
        "https://e.com/3",
    ),
    case(
        "a base does not change absolute links",
        '<base href="https://base.com/d/"><a href="https://e.com/">x</a><a href="f.html">y</a>'
        '<a href="https:g.html">z</a>',
        '<base href="https://base.com/d/"><a href="[0]">x</a><a href="f.html">y</a>'
        '<a href="https:g.html">z</a>',
        "https://e.com/",
    ),
    case(
        "a base that is none",
        '<base href="d/"><a href="https://e.com/">x</a>',
        '<base href="d/"><a href="[0]">x</a>',
        "https://e.com/",
    ),
    case(
        "tags that are never closed",
        '<p><b><a href="https://e.com/1">x<p><table><a href="https://e.com/2">y<td></b><a href="https://e.com/3"',
        '<p><b><a href="[0]">x<p><table><a href="[1]">y<td></b><a href="https://e.com/3"',
        "https://e.com/1",
        "https://e.com/2",
    ),
    case(
        "a quote that is never closed",
        '<a href="https://e.com/1">x</a><a href="https://e.com/2>y</a><p>z',
        '<a href="[0]">x</a><a href="https://e.com/2>y</a><p>z',
        "https://e.com/1",
    ),
    case(
        "a tag inside a tag",
        '<a <a href="https://e.com/1">x</a <b> <a href="https://e.com/2"><i',
        '<a <a href="[0]">x</a <b> <a href="[1]"><i',
        "https://e.com/1",
        "https://e.com/2",
    ),
    case(
        "a link marked as not to be followed",
        '<a data-follow="off" href="https://e.com/1">x</a><a DATA-FOLLOW=OFF href=https://e.com/2>y</a>'
        '<a data-follow="on" href="https://e.com/3">z</a>'
        '<!--[if mso]><v:rect href="https://e.com/4" data-follow=\'off\'></v:rect><![endif]-->',
        '<a data-follow="off" href="https://e.com/1">x</a><a DATA-FOLLOW=OFF href=https://e.com/2>y</a>'
        '<a data-follow="on" href="[0]">z</a>'
        '<!--[if mso]><v:rect href="https://e.com/4" data-follow=\'off\'></v:rect><![endif]-->',
        "https://e.com/3",
    ),
]  # fmt: skip
