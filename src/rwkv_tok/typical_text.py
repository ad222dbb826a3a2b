"""A page of what text looks like: prose in many scripts, program code, markup, data.

Only which bytes stand next to each other matters: `_cuts` looks for the certified cuts that such
text has, as it cannot look for all. Other text is encoded just as exactly, if a little slower.
"""

__all__ = ["TYPICAL_TEXT"]

TYPICAL_TEXT = r'''
The river was wide, and nobody (not even the ferryman) knew how deep. "Wait here," she said; "I'll
ask." It's 7:45 p.m. on 3 May 1998 -- 12.5 degrees, 80% cloud. Don't worry: e.g. see Section 4.2.
We've read the FAQ, the README and RFC 2616 [1], too! Is that all? No... A/B tests, C++ and $5 more.
  * First of all, a list.
  * Then: "quoted text", 'single quotes', `code`, and an_identifier.
     Indented by five spaces; ends with a colon:

CHAPTER 2. Of the "Usual" Things
--------------------------------
“Curly quotes” – and dashes — are typical… it’s naïve, isn’t it?  Two spaces. ©2020, §7, 20 °C, ½.

Über allen Gipfeln ist Ruh’; größere Straßen, „Anführungszeichen“ und Übermut. Die Öffnung schließt.
À l’été, près de la forêt, où était-ce ? « Ça va très bien », répondit-il : l’œuvre, çà et là.
¿Dónde está el niño? ¡Mañana! El año pasado, según decían, llovió más. São João não está à mão, pôs.
Perché è così? Città più bella. Žluťoučký kůň, příliš. Zażółć gęślą jaźń, się także. Çok güzel ışık,
şöyle değil mi? Việt Nam: một người đẹp được ở đây, không phải. Året är långt, på øen.
Ένα μικρό καράβι που ήταν αταξίδευτο, και τώρα δεν έχει. Αυτό είναι όλο.
Все счастливые семьи похожи друг на друга, а каждая несчастливая — по-своему. Он сказал: «Да, это
так»; потом (в 1877 г.) ещё раз. В файле конфигурации можно указать параметры. Чтобы, если нужно, но
не всегда. Україна, її мова й пісні є тут.
كان يا ما كان، في قديم الزمان. هذا هو النص العربي، أليس كذلك؟ בראשית היה הדבר, והכול נכון.
सब लोग यहाँ आते हैं। यह एक वाक्य है। ประเทศไทยมีภาษาเป็นของตนเอง
在很久以前，有一个国王。他说：“你好！”大家都笑了（真的）。
第1章、2019年3月5日，共有100个文件；《书名》是什么？
系统将会自动安装软件包。使用 apt 命令，例如：sudo apt install git。注意：不要删除这些数据！
如果没有错误，就可以继续。
吾輩は猫である。名前はまだ無い。「どこで生れたか」とんと見当がつかぬ。これは、テストのためのファイルです。
コマンドを実行すると、次のようなメッセージが表示されます（デフォルトでは 10 個）。
インストールできませんでした。
パッケージの設定やバージョンについては、マニュアルをご覧ください。また、サーバーとデータベースが必要なのに、ない。
이것은 한국어 문장입니다. 그는 "안녕하세요"라고 말했다. 2020년 1월 1일에, 우리는 만났습니다.

#include <stdio.h>
#define MAX_SIZE (1 << 12)
static int count_items(const struct item *list, size_t n)
{
	int total = 0;
	for (size_t i = 0; i < n; i++) {
		if (list[i].flags & ITEM_USED && list[i].value != NULL)
			total += list[i].value->count * 2;	/* why not */
		else
			return -EINVAL;
	}
	printf("total: %d\n", total);
	return total > 0x7f ? total : ~0;
}

class HTTPServer(BaseServer):
    """Serve requests, one at a time."""

    def __init__(self, host="127.0.0.1", *args, **kwargs):
        super().__init__(host, *args, **kwargs)
        self._cache = {}  # type: dict[str, bytes]
        self.max_size = kwargs.get('max_size', 1_000)

    @property
    def is_open(self) -> bool:
        if self._sock is None or not self.ready:
            raise ValueError("not open: %r" % (self.name,))
        return [x for x in self.items() if x[0] == 'a'] != []

# A comment: see https://www.example.org/docs/index.html?id=1&x=2#top
try:
    import numpy as np
    y = np.array([[1, 2], [3.5, -4e-3]], dtype=np.float32).T @ x[:, 0]
except ImportError as e:
    pass
__all__ = ["TestCase", "assertEqual", "test_simple_case"]
    self.assertEqual(foo.bar_baz(a, b=None), {"key": True})

<div class="main"><a href="/path/to/page.html">Link</a>&nbsp;<b>bold</b><br/></div>
{"id": 17, "name": "x_y", "tags": ["a", "b"], "ratio": 0.25, "ok": true, "next": null}
.TH LS 1 "2019-05-01" "GNU coreutils"
.SH NAME
ls \- list directory contents
.PP
\fB\-a\fR, \fI\-\-all\fP
.B \-\-color[=\fIWHEN\fR]
.\" comment
.IP "\(bu" 2
\section{Title} Let $x_{i}^2 \in \mathbb{R}$ be \emph{small}, i.e. $\alpha\le 1$.
| col | val |
| --- | ---: |
| A | 1,024 |
$ ls -l /usr/share/doc/*.gz | grep -v '^d' > out.txt 2>&1; echo "$HOME/${name}"
[section]
key = value
SELECT t.id, COUNT(*) FROM table_name t WHERE t.x >= 10 GROUP BY 1;
0x1F8B 3.14159 1998-05-03T12:00:00Z user@example.com v1.2.3-rc1 ABC-123 foo.c:42: camelCase
'''.strip("\n")
