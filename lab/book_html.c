/* SPDX-License-Identifier: GPL-2.0-or-later */

/* HTML that stands alone: its style inside, plots inside, nothing fetched, no script. */

#include "book_doc.h"

#include <limits.h>
#include <string.h>

static const char style[] =
	":root{--ink:#1c2430;--soft:#5b6675;--line:#d9dee5;--paper:#fff;--tint:#f5f7f9;"
	"--good:#0a6b3d;--goodbg:#e4f4ea;--poor:#a3261b;--poorbg:#fbe7e4;--weak:#7a5a00;--weakbg:#fdf3d7}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;max-width:76rem;padding:2.5rem 2rem 5rem;color:var(--ink);background:var(--paper);"
	"font:16px/1.55 system-ui,'Segoe UI','Helvetica Neue',Arial,sans-serif}\n"
	"h1{font-size:2rem;line-height:1.2;margin:0 0 1rem}\n"
	"h2{font-size:1.45rem;margin:3.2rem 0 .8rem;padding-top:1.2rem;border-top:2px solid var(--ink)}\n"
	"h3{font-size:1.12rem;margin:2.4rem 0 .5rem}\n"
	"nav a{margin-right:1.4rem;font-size:.9rem}\n"
	"p,ul{max-width:58rem}\n"
	"a{color:#0b5cad}\n"
	".wrap{overflow-x:auto;margin:1rem 0}\n"
	"table{border-collapse:collapse;font-size:.875rem;line-height:1.4;font-variant-numeric:tabular-nums}\n"
	"th,td{padding:.36rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}\n"
	"thead th{border-bottom:2px solid var(--ink);background:var(--tint);font-weight:600}\n"
	"tbody th{font-weight:600}\n"
	".good{color:var(--good);background:var(--goodbg)}\n"
	".poor{color:var(--poor);background:var(--poorbg)}\n"
	".weak{color:var(--weak);background:var(--weakbg)}\n"
	"p.good,p.poor,p.weak{padding:.6rem .9rem;border-left:4px solid;border-radius:3px}\n"
	"figure{margin:1.2rem 0}\n"
	"figure svg{display:block;max-width:100%;height:auto}\n"
	"figcaption{color:var(--soft);font-size:.875rem;max-width:58rem}\n"
	"details{margin:.4rem 0}summary{cursor:pointer;color:var(--soft);font-size:.875rem}\n"
	"pre{overflow-x:auto;background:var(--tint);border:1px solid var(--line);border-radius:3px;padding:.7rem;"
	"font:.8rem/1.45 ui-monospace,'DejaVu Sans Mono',Menlo,monospace}\n"
	"@media print{body{max-width:none;padding:0;font-size:10pt}h2{break-before:page}"
	"table{font-size:7.5pt}th,td{padding:.2rem .35rem}figure,tr,p{break-inside:avoid}.wrap{overflow:visible}"
	"details>*{display:block}a{color:inherit;text-decoration:none}}\n";

static void escaped(struct doc *d, const char *s)
{
	for (; *s; s++)
		switch (*s) {
		case '&':
			fputs("&amp;", d->f);
			break;
		case '<':
			fputs("&lt;", d->f);
			break;
		case '>':
			fputs("&gt;", d->f);
			break;
		case '"':
			fputs("&quot;", d->f);
			break;
		default:
			fputc(*s, d->f);
		}
}

static const char *class_of(enum mark mark)
{
	static const char *const names[] = { [MARK_NONE] = "", [MARK_GOOD] = " class=\"good\"",
					     [MARK_POOR] = " class=\"poor\"", [MARK_WEAK] = " class=\"weak\"",
					     [MARK_HEAD] = "" };

	return names[mark];
}

static void html_open(struct doc *d, const char *title)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>", d->f);
	escaped(d, title);
	fprintf(d->f, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
	escaped(d, title);
	fputs("</h1>\n<nav><a href=\"#targets\">what was to be reached</a> <a href=\"#figures\">the paper's "
	      "figures</a> <a href=\"#peers\">beside what is used today</a> <a href=\"#video\">video</a> <a "
	      "href=\"#guests\">guests</a> <a href=\"#scenarios\">scenarios</a></nav>\n",
	      d->f);
}

static void html_close(struct doc *d)
{
	fputs("</body>\n</html>\n", d->f);
}

static void html_heading(struct doc *d, unsigned level, const char *id, const char *text)
{
	fprintf(d->f, "<h%u", level);
	if (id) {
		fputs(" id=\"", d->f);
		escaped(d, id);
		fputc('"', d->f);
	}
	fputc('>', d->f);
	escaped(d, text);
	fprintf(d->f, "</h%u>\n", level);
}

static void html_para(struct doc *d, enum mark mark, const char *text)
{
	fprintf(d->f, "<p%s>", class_of(mark));
	escaped(d, text);
	fputs("</p>\n", d->f);
}

static void html_list(struct doc *d, bool begin)
{
	fputs(begin ? "<ul>\n" : "</ul>\n", d->f);
}

static void html_item(struct doc *d, const char *text)
{
	fputs("<li>", d->f);
	escaped(d, text);
	fputs("</li>\n", d->f);
}

static void html_table(struct doc *d, bool begin)
{
	fputs(begin ? "<div class=\"wrap\"><table>\n" : "</tbody></table></div>\n", d->f);
}

static void html_row(struct doc *d, bool begin, bool head)
{
	if (begin)
		fputs(head ? "<thead><tr>" : "<tr>", d->f);
	else
		fputs(head ? "</tr></thead><tbody>\n" : "</tr>\n", d->f);
}

static void html_cell(struct doc *d, enum mark mark, const char *text)
{
	const char *tag = mark == MARK_HEAD ? "th" : "td";

	fprintf(d->f, "<%s%s>", tag, class_of(mark));
	escaped(d, text);
	fprintf(d->f, "</%s>", tag);
}

static void html_code(struct doc *d, const char *title, const char *text)
{
	fputs("<details><summary>", d->f);
	escaped(d, title);
	fputs("</summary><pre>", d->f);
	escaped(d, text);
	fputs("</pre></details>\n", d->f);
}

/* The file without what stands before its <svg: an XML head is not allowed inside HTML. */
static void inline_svg(struct doc *d, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096];
	bool inside = false;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		const char *from = inside ? line : strstr(line, "<svg");

		if (!from)
			continue;
		inside = true;
		fputs(from, d->f);
	}
	fclose(f);
}

static void html_plot(struct doc *d, const char *name, const char *caption)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3900s/%.100s.svg", d->plots, name);
	fputs("<figure>\n", d->f);
	inline_svg(d, path);
	fputs("<figcaption>", d->f);
	escaped(d, caption);
	fputs("</figcaption>\n</figure>\n", d->f);
}

const struct doc_ops doc_html = {
	.open = html_open,
	.close = html_close,
	.heading = html_heading,
	.para = html_para,
	.list = html_list,
	.item = html_item,
	.table = html_table,
	.row = html_row,
	.cell = html_cell,
	.code = html_code,
	.plot = html_plot,
};
