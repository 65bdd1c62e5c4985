// SPDX-License-Identifier: GPL-2.0-or-later
#include "toplive.h"
#include "ask.h"
#include "screen.h"
#include "topdraw.h"
#include "topview.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PERIOD_NS NSEC_PER_SEC
#define NOTICE_NS (6 * NSEC_PER_SEC)
#define SHARE_MOST 1000000 /* as divvy.yaml(5) says */
#define FRAME_LINES 4 /* title, notice, headers; keys below */

struct live {
	struct client *client;
	struct top_rows rows;
	struct topview view;
	struct topdraw draw;
	size_t lines;           /* of the terminal */
	uint64_t next_ns;       /* when the next reading is due, CLOCK_MONOTONIC */
	bool paused, quit, help;
	bool typing;            /* keys go to the filter */
	char notice[512];       /* "": none */
	bool bad;               /* it tells what went wrong */
	uint64_t notice_until;  /* CLOCK_MONOTONIC */
};

static void say(struct live *l, bool bad, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(struct live *l, bool bad, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->notice, sizeof(l->notice), fmt, ap);
	va_end(ap);
	l->bad = bad;
	l->notice_until = clock_now_ns() + NOTICE_NS;
}

/* Lines for rows. */
static size_t height(const struct live *l)
{
	size_t frame = FRAME_LINES + (l->lines >= 16 ? 1 : 0); /* and the selected row's detail */

	return l->lines > frame ? l->lines - frame : 0;
}

static void arrange(struct live *l, uint32_t keep)
{
	if (topview_arrange(&l->view, &l->rows, keep) < 0)
		say(l, true, "out of memory");
	topview_move(&l->view, 0, height(l));
}

/* --- divvyd --------------------------------------------------------------------------------------------- */

/* Asks, over a new connection if the one before has failed. 0; negative errno, after a notice. */
static int ask_divvyd(struct live *l, const char *verb, json_t *args, json_t **result)
{
	struct spec_error err;
	int r = 0;

	if (l->client->fd < 0)
		r = client_open(l->client, &err);
	if (r < 0)
		json_decref(args);
	else
		r = client_ask(l->client, verb, args, result, &err);
	if (r >= 0)
		return 0;
	if (r != -EREMOTEIO) {
		client_closep(l->client);
		*l->client = (struct client){ .fd = -1 };
	}
	say(l, true, "%s", err.text);
	return r;
}

static void read_status(struct live *l)
{
	uint32_t selected = topview_selected(&l->view);
	struct top_rows now;
	json_t *status = NULL;

	if (ask_divvyd(l, "status", json_pack("{s:b}", "brief", 1), &status) < 0)
		return;
	if (toprows_read(status, &l->rows, &now) < 0) {
		say(l, true, "out of memory");
		return;
	}
	toprows_free(&l->rows);
	l->rows = now;
	arrange(l, selected == TOP_NONE ? TOP_NONE : toprows_now(&now, selected));
}

/* One, or the tenth of it in one digit: 60 to 61, 640 to 650. */
static int64_t step_of(int64_t share)
{
	int64_t step = 1;

	while (share >= 100 * step)
		step *= 10;
	return step;
}

/* Several presses at once are one change. */
static void change_share(struct live *l, int presses)
{
	uint32_t selected = topview_selected(&l->view);
	const struct top_row *row = selected == TOP_NONE ? NULL : &l->rows.list[selected];
	json_t *result = NULL;
	int64_t share;

	if (!row || !row->share) {
		say(l, true, "%s has no share: select a device", row ? row->name : "what is not there");
		return;
	}
	share = row->share;
	for (; presses > 0 && share < SHARE_MOST; presses--)
		share += step_of(share);
	for (; presses < 0 && share > 1; presses++)
		share -= step_of(share - 1);
	if (share == row->share)
		return;
	if (ask_divvyd(l, "set", json_pack("{s:{s:I}}", "shares", row->name, (json_int_t)share), &result) < 0)
		return;
	say(l, false, "%s: share %lld -> %lld, in force", row->name, (long long)row->share, (long long)share);
	json_decref(result);
	l->rows.list[selected].share = share; /* what is seen until the next reading */
}

/* --- what is seen ----------------------------------------------------------------------------------------- */

static const char *const help[] = {
	"Up, Down, PgUp, PgDn, Home, End    select a row (j and k, too)",
	"+ -      give the selected row more or less share, now",
	"Enter    fold or unfold what the row holds; left and right, too",
	"s S      sort by the next column; the one before",
	"/        show only names, vNICs and VMs with a text in them; Esc ends that",
	"d        which directions are shown",
	"p        pause; Space, too",
	"q        end",
	"",
	"The bar is what was delivered, shaded up to what the row is entitled to. The",
	"longest among siblings fills it; of an uplink, its capacity. ERR pp: part of all",
	"delivered less part of all entitled, percentage points. -: not measured.",
	"!3 behind the state: 3 times less than was promised, since divvyd started; NOT",
	"KEPT: in the last minute, too.",
};

static void put_line(size_t line, enum strip_style style, const char *text, const struct live *l)
{
	struct strip s = { 0 };

	strip_cell(&s, style, text, l->draw.columns, false, l->draw.ascii);
	screen_put(line, &s);
}

/* What is wrong, where there is no news: the first of divvyd's warnings. */
static void draw_notice(struct live *l, size_t line)
{
	const char *warning = json_string_value(json_array_get(json_object_get(l->rows.status, "warnings"), 0));
	const json_t *from = json_object_get(l->rows.status, "specification");
	const char *unsaved = json_string_value(json_object_get(from, "unsaved"));
	char text[600];

	if (l->notice[0] && clock_now_ns() > l->notice_until)
		l->notice[0] = '\0';
	if (l->typing || l->view.filter[0])
		snprintf(text, sizeof(text), "Filter: %s%s", l->view.filter, l->typing ? "_" : "  (Esc shows all)");
	else if (l->notice[0])
		snprintf(text, sizeof(text), "%s", l->notice);
	else if (json_is_true(json_object_get(from, "as_found")))
		snprintf(text, sizeof(text), "What runs is not known: the state was lost (divvy status)");
	else if (unsaved && unsaved[0])
		snprintf(text, sizeof(text), "Would not survive a restart: %s", unsaved);
	else if (warning)
		snprintf(text, sizeof(text), "Warning: %s", warning);
	else
		text[0] = '\0';
	put_line(line, l->notice[0] && !l->bad ? STRIP_GOOD : STRIP_WARN, text, l);
}

static void draw_rows(struct live *l)
{
	size_t n = height(l);
	struct strip s;

	for (size_t i = 0; i < n && l->view.first + i < l->view.n; i++) {
		size_t at = l->view.first + i;

		topdraw_row(&l->draw, l->view.order[at], at == l->view.selected, &s);
		screen_put(3 + i, &s);
	}
	if (l->lines >= 16) {
		topdraw_detail(&l->draw, &s);
		screen_put(l->lines - 2, &s);
	}
}

static void draw_screen(struct live *l)
{
	char notes[96];
	struct strip s;

	screen_begin();
	screen_size(&l->lines, &l->draw.columns);
	topview_move(&l->view, 0, height(l));
	topdraw_layout(&l->draw);
	snprintf(notes, sizeof(notes), "%s%s%s", l->paused ? "PAUSED  " : "",
		 l->view.sort == TOPVIEW_AS_WRITTEN ? "" : "by ",
		 l->view.sort == TOPVIEW_AS_WRITTEN ? "" : topview_sort_names[l->view.sort]);
	topdraw_title(&l->draw, notes, &s);
	screen_put(0, &s);
	draw_notice(l, 1);
	topdraw_headers(&l->draw, &s);
	screen_put(2, &s);
	if (l->help)
		for (size_t i = 0; i < ARRAY_SIZE(help) && i < height(l); i++)
			put_line(3 + i, STRIP_PLAIN, help[i], l);
	else
		draw_rows(l);
	put_line(l->lines - 1, STRIP_FAINT,
		 l->draw.columns >= 72 ? "q ends. + - share  / filter  s sort  Enter folds  p pauses  ? help" : "q ends. ? help", l);
	screen_show();
}

/* --- keys --------------------------------------------------------------------------------------------------- */

static void type(struct live *l, int key)
{
	size_t len = strlen(l->view.filter);

	if (key == '\r' || key == '\n')
		l->typing = false;
	else if (key == 0x1b)
		l->view.filter[0] = '\0', l->typing = false;
	else if (key == SCREEN_BACKSPACE && len) {
		while (len && ((unsigned char)l->view.filter[--len] & 0xc0) == 0x80)
			;
		l->view.filter[len] = '\0';
	} else if (key >= ' ' && key <= 0xff && len + 1 < sizeof(l->view.filter)) {
		l->view.filter[len] = (char)key;
		l->view.filter[len + 1] = '\0';
	}
	arrange(l, topview_selected(&l->view));
}

/* fold: 1 or 0; -1: the other of both. What holds nothing folds what holds it. */
static void fold(struct live *l, int how)
{
	uint32_t selected = topview_selected(&l->view);
	struct top_row *row = selected == TOP_NONE ? NULL : &l->rows.list[selected];

	if (!row)
		return;
	if (row->kind == TOP_DEVICE && how != 0) {
		selected = row->parent;
		row = &l->rows.list[selected];
	}
	row->folded = row->kind != TOP_DEVICE && (how < 0 ? !row->folded : how);
	arrange(l, selected);
}

static void sort_by(struct live *l, int step)
{
	l->view.sort = (enum topview_sort)(((int)l->view.sort + step + TOPVIEW_SORTS) % TOPVIEW_SORTS);
	arrange(l, topview_selected(&l->view));
}

/* Both, what is sent, what is received. */
static void next_direction(struct live *l)
{
	bool *d = l->draw.directions;

	if (!l->rows.directions[TOP_RX])
		say(l, false, "Only what VMs send is divided.");
	else if (d[TOP_TX] && d[TOP_RX])
		d[TOP_RX] = false;
	else if (d[TOP_TX])
		d[TOP_TX] = false, d[TOP_RX] = true;
	else
		d[TOP_TX] = true;
}

static bool move_by_key(struct live *l, int key)
{
	long page = (long)height(l), by;

	switch (key) {
	case SCREEN_UP: case 'k': by = -1; break;
	case SCREEN_DOWN: case 'j': by = 1; break;
	case SCREEN_PAGE_UP: by = -page; break;
	case SCREEN_PAGE_DOWN: by = page; break;
	case SCREEN_HOME: case 'g': by = -(long)l->view.n; break;
	case SCREEN_END: case 'G': by = (long)l->view.n; break;
	default: return false;
	}
	topview_move(&l->view, by, (size_t)page);
	return true;
}

static void press(struct live *l, int key)
{
	if (l->typing) {
		type(l, key);
		return;
	}
	if (l->help && key != 'q') {
		l->help = false;
		return;
	}
	if (move_by_key(l, key))
		return;
	switch (key) {
	case 'q': case 'Q': l->quit = true; break;
	case 'p': case ' ': l->paused = !l->paused; break;
	case 's': sort_by(l, 1); break;
	case 'S': sort_by(l, -1); break;
	case 'd': next_direction(l); break;
	case '/': l->typing = true; break;
	case 0x1b: l->view.filter[0] = '\0'; arrange(l, topview_selected(&l->view)); break;
	case '\r': case '\n': fold(l, -1); break;
	case SCREEN_LEFT: fold(l, 1); break;
	case SCREEN_RIGHT: fold(l, 0); break;
	case '?': case 'h': l->help = true; break;
	default: break;
	}
}

/* All keys that are there. */
static void take_keys(struct live *l)
{
	int key, presses = 0;

	while (!l->quit && (key = screen_key()) != SCREEN_NONE) {
		if (key == SCREEN_GONE)
			l->quit = true;
		else if (!l->typing && (key == '+' || key == '=' || key == '-'))
			presses += key == '-' ? -1 : 1;
		else
			press(l, key);
	}
	if (presses)
		change_share(l, presses);
}

/* Milliseconds until the next reading. */
static int wait_ms(const struct live *l)
{
	uint64_t now = clock_now_ns();

	return l->next_ns > now ? (int)((l->next_ns - now) / NSEC_PER_MSEC) + 1 : 0;
}

static void run(struct live *l)
{
	while (!l->quit) {
		if (wait_ms(l) == 0) {
			if (!l->paused)
				read_status(l);
			l->next_ns = clock_now_ns() + PERIOD_NS;
		}
		draw_screen(l);
		if (screen_wait(wait_ms(l)))
			take_keys(l);
	}
}

int toplive_run(struct client *c)
{
	const char *no_colour = getenv("NO_COLOR");
	struct live l = { .client = c };

	setlocale(LC_CTYPE, "");
	l.draw = (struct topdraw){ .rows = &l.rows, .view = &l.view, .directions = { true, true },
				   .ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0 };
	if (!screen_open(!no_colour || !no_colour[0])) {
		setlocale(LC_CTYPE, "C.UTF-8");
		return -1;
	}
	run(&l);
	screen_close();
	toprows_free(&l.rows);
	topview_free(&l.view);
	return EXIT_SUCCESS;
}
