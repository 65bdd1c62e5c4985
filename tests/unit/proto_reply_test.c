/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proto/reply.h"

#include "base/cleanup.h"
#include "proto/proto.h"
#include "random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A connection: what was sent, as "7 8 !9 ": ids, those of errors with a mark; "? " where memory was out. */
struct wire {
	struct reply_queue *queue;
	char sent[256];
	size_t n;             /* answers sent */
	size_t closes_at;     /* the queue is closed inside the send of this answer; 0: it is not */
	struct reply *nested; /* completed inside the next send */
};

static void note(struct wire *w, const char *line)
{
	size_t used = strlen(w->sent);
	json_auto_t *j = line ? json_loads(line, 0, NULL) : NULL;

	if (!line) {
		strcpy(w->sent + used, "? ");
		return;
	}
	assert_int_equal(line[strlen(line) - 1], '\n');
	snprintf(w->sent + used, sizeof(w->sent) - used, "%s%lld ",
		 json_is_true(json_object_get(j, "ok")) ? "" : "!",
		 (long long)json_integer_value(json_object_get(j, "id")));
}

static void send_line(void *arg, char *line)
{
	struct wire *w = arg;
	_cleanup_free_ char *taken = line;

	note(w, taken);
	w->n++;
	if (w->nested) {
		struct reply *r = TAKE_PTR(w->nested);
		size_t before = w->n;

		reply_result(r, NULL);
		assert_int_equal(w->n, before);
	}
	if (w->n == w->closes_at)
		reply_queue_close(TAKE_PTR(w->queue));
}

static void wire_open(struct wire *w)
{
	*w = (struct wire){ 0 };
	w->queue = reply_queue_new(send_line, w);
	assert_non_null(w->queue);
}

static const struct spec_error refused = { 3, 9, "refused" };

static void test_at_once(void **state)
{
	struct wire w;

	(void)state;
	wire_open(&w);
	for (int64_t id = 7; id < 10; id++) {
		struct reply *r = reply_new(w.queue, id);

		assert_true(reply_wanted(r));
		assert_int_equal(reply_pending(w.queue), 1);
		if (id == 8)
			reply_error(r, &refused);
		else
			reply_result(r, json_pack("{s:i}", "a", 1));
		assert_int_equal(reply_pending(w.queue), 0);
		assert_int_equal(reply_held(w.queue), 0);
	}
	assert_string_equal(w.sent, "7 !8 9 ");
	reply_queue_close(w.queue);
}

static void test_out_of_order(void **state)
{
	_cleanup_free_ char *line = proto_result_line(3, NULL);
	struct reply *r[4];
	struct wire w;

	(void)state;
	wire_open(&w);
	for (int i = 0; i < 4; i++)
		r[i] = reply_new(w.queue, i);
	reply_result(r[3], NULL);
	assert_int_equal(reply_held(w.queue), strlen(line));
	reply_error(r[1], &refused);
	assert_string_equal(w.sent, "");
	assert_int_equal(reply_pending(w.queue), 4);
	reply_result(r[0], NULL);
	assert_string_equal(w.sent, "0 !1 ");
	assert_int_equal(reply_pending(w.queue), 2);
	assert_int_equal(reply_held(w.queue), strlen(line));
	reply_result(r[2], NULL);
	assert_string_equal(w.sent, "0 !1 2 3 ");
	assert_int_equal(reply_held(w.queue), 0);
	reply_queue_close(w.queue);
}

/* Two requests may have the same id: the place is what counts. */
static void test_same_id(void **state)
{
	struct reply *a, *b;
	struct wire w;

	(void)state;
	wire_open(&w);
	a = reply_new(w.queue, 7);
	b = reply_new(w.queue, 7);
	reply_error(b, &refused);
	reply_result(a, NULL);
	assert_string_equal(w.sent, "7 !7 ");
	reply_queue_close(w.queue);
}

static void test_close(void **state)
{
	struct reply *r[4];
	struct wire w;

	(void)state;
	reply_queue_close(NULL);
	wire_open(&w);
	reply_queue_close(w.queue);
	wire_open(&w);
	for (int i = 0; i < 4; i++)
		r[i] = reply_new(w.queue, i);
	reply_result(r[1], json_pack("{s:s}", "a", "held when the connection ends"));
	reply_queue_close(w.queue);
	assert_false(reply_wanted(r[0]));
	reply_result(r[3], json_pack("{s:i}", "a", 1));
	reply_error(r[0], &refused);
	reply_result(r[2], NULL);
	assert_string_equal(w.sent, "");
}

static void test_close_inside_send(void **state)
{
	struct reply *r[4];
	struct wire w;

	(void)state;
	wire_open(&w);
	w.closes_at = 2;
	for (int i = 0; i < 4; i++)
		r[i] = reply_new(w.queue, i);
	reply_result(r[1], NULL);
	reply_result(r[2], NULL);
	reply_result(r[0], NULL);
	assert_string_equal(w.sent, "0 1 ");
	assert_null(w.queue);
	assert_false(reply_wanted(r[3]));
	reply_error(r[3], &refused);
	assert_string_equal(w.sent, "0 1 ");
}

static void test_complete_inside_send(void **state)
{
	struct reply *first;
	struct wire w;

	(void)state;
	wire_open(&w);
	first = reply_new(w.queue, 1);
	w.nested = reply_new(w.queue, 2);
	reply_result(first, NULL);
	assert_string_equal(w.sent, "1 2 ");
	/* And then the connection ends. */
	first = reply_new(w.queue, 3);
	w.nested = reply_new(w.queue, 4);
	w.closes_at = 3;
	reply_result(first, NULL);
	assert_string_equal(w.sent, "1 2 3 ");
}

/* Jansson writes no object that holds itself, as it writes nothing when memory is out. */
static void test_no_line(void **state)
{
	json_t *outer = json_object(), *inner = json_object();
	struct reply *a, *b;
	struct wire w;

	(void)state;
	json_object_set_new(outer, "inner", json_incref(inner));
	json_object_set_new(inner, "outer", json_incref(outer));
	wire_open(&w);
	a = reply_new(w.queue, 1);
	b = reply_new(w.queue, 2);
	reply_result(b, outer);
	reply_result(a, NULL);
	assert_string_equal(w.sent, "1 ? ");
	reply_queue_close(w.queue);
	json_object_clear(inner);
	json_decref(inner);
}

#define MANY 300

static size_t below(size_t n)
{
	return rnd() % n;
}

static void count_line(void *arg, char *line)
{
	struct wire *w = arg;
	_cleanup_free_ char *taken = line;
	json_auto_t *j = json_loads(taken, 0, NULL);

	assert_int_equal(json_integer_value(json_object_get(j, "id")), w->n);
	w->n++;
	if (w->n == w->closes_at)
		reply_queue_close(TAKE_PTR(w->queue));
}

/* Reserve and complete in any order: what is sent is always the longest complete beginning. */
static void run_many(size_t closes_at)
{
	struct wire w = { .closes_at = closes_at };
	struct reply *r[MANY];
	bool done[MANY] = { 0 };
	size_t reserved = 0, complete = 0;

	w.queue = reply_queue_new(count_line, &w);
	while (complete < MANY) {
		if (w.queue && reserved < MANY && below(2)) {
			r[reserved] = reply_new(w.queue, (int64_t)reserved);
			assert_non_null(r[reserved]);
			reserved++;
		} else if (reserved > complete) {
			size_t i = below(reserved);

			if (done[i])
				continue;
			assert_int_equal(reply_wanted(r[i]), w.queue != NULL);
			if (below(2))
				reply_result(r[i], json_pack("{s:i}", "a", 1));
			else
				reply_error(r[i], &refused);
			done[i] = true;
			complete++;
		} else if (!w.queue) {
			break;
		}
		for (size_t i = 0; w.queue && i < reserved; i++)
			assert_true(i < w.n ? done[i] : i > w.n || !done[i]);
		if (w.queue)
			assert_int_equal(reply_pending(w.queue), reserved - w.n);
	}
	assert_int_equal(w.n, closes_at ? closes_at : MANY);
	reply_queue_close(w.queue);
}

static void test_many(void **state)
{
	(void)state;
	run_many(0);
	for (size_t i = 0; i < 50; i++)
		run_many(1 + below(MANY));
}

/* Lines may follow from the send of the answer on, not before. */
static void test_follow(void **state)
{
	struct reply *first, *watch, *error;
	struct wire w;
	int64_t id;

	(void)state;
	wire_open(&w);
	first = reply_new(w.queue, 6);
	watch = reply_new(w.queue, 7);
	error = reply_new(w.queue, 8);
	reply_follow(watch, NULL);
	assert_false(reply_follows(w.queue, &id));
	reply_result(first, NULL);
	assert_string_equal(w.sent, "6 7 ");
	assert_true(reply_follows(w.queue, &id));
	assert_int_equal(id, 7);
	reply_error(error, &(struct spec_error){ 0 });
	assert_true(reply_follows(w.queue, &id));
	assert_int_equal(id, 7);
	reply_follow(reply_new(w.queue, 9), NULL);
	assert_true(reply_follows(w.queue, &id));
	assert_int_equal(id, 9);
	/* A connection that is gone. */
	watch = reply_new(w.queue, 10);
	reply_queue_close(w.queue);
	reply_follow(watch, json_object());
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),           cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_same_id),           cmocka_unit_test(test_close),
		cmocka_unit_test(test_close_inside_send), cmocka_unit_test(test_complete_inside_send),
		cmocka_unit_test(test_no_line),           cmocka_unit_test(test_many),
		cmocka_unit_test(test_follow),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
