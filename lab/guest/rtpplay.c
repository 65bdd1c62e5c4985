/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * rtpplay FILE ADDRESS PORT: send the RTP packets of an rtpdump file (as rtptools write it) in real time,
 * round and round, until SIGINT or SIGTERM. Sequence numbers go on from round to round, and so do timestamps.
 *
 * A round is as long as its timestamps say: the last one, and once more the distance of the last two. Every
 * packet is sent at its own time since the start, by CLOCK_MONOTONIC, never by adding up pauses: a player
 * that was held up catches up and does not run late for ever. Packets of one time (those of a frame) go out
 * as fast as they can, as from `ffmpeg -re`.
 *
 * Last words: "sent N packets, at most X ms late, Y refused".
 */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLOCK 90000 /* of video's timestamps (RFC 3551 5) */
#define FILE_MAX (64U << 20)
#define PACKET_MAX 1500

struct packet {
	const uint8_t *data;
	uint16_t size;
	uint32_t ms;
	uint32_t timestamp;
	uint16_t seq;
};

static struct packet *packets;
static size_t n_packets;
static uint32_t round_ticks;
static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static uint32_t be(const uint8_t *p, int n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int load(const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data = malloc(FILE_MAX), *p, *stop;
	size_t size;

	if (!f || !data) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, FILE_MAX, f);
	fclose(f);
	stop = data + size;
	p = memchr(data, '\n', size);
	if (!p || strncmp((const char *)data, "#!rtpplay1.0 ", 13) != 0 || stop - p < 17) {
		fprintf(stderr, "%s: not an rtpdump file\n", path);
		return -1;
	}
	packets = calloc(size / 20 + 1, sizeof(*packets));
	if (!packets)
		return -1;
	for (p += 17; stop - p >= 20; p += be(p, 2)) {
		struct packet *k = &packets[n_packets++];

		k->data = p + 8;
		k->size = (uint16_t)be(p + 2, 2);
		k->ms = be(p + 4, 4);
		k->seq = (uint16_t)be(p + 10, 2);
		k->timestamp = be(p + 12, 4);
		if (k->size < 12 || k->size > PACKET_MAX || be(p, 2) != 8U + k->size ||
		    stop - p < 8 + k->size) {
			fprintf(stderr, "%s: packet %zu is cut\n", path, n_packets);
			return -1;
		}
	}
	return 0;
}

/* Timestamp units from the first packet to the first of the next round. */
static int measure_round(void)
{
	uint32_t last, step = 0;

	if (n_packets == 0)
		return -1;
	last = packets[n_packets - 1].timestamp;
	for (size_t i = n_packets; step == 0 && i-- > 0;)
		step = last - packets[i].timestamp;
	round_ticks = last - packets[0].timestamp + step;
	return step ? 0 : -1;
}

/* The packet as it is in this round. */
static void number(uint8_t *out, const struct packet *k, uint32_t rounds)
{
	uint32_t seq = k->seq + rounds * (uint32_t)n_packets, ts = k->timestamp + rounds * round_ticks;

	memcpy(out, k->data, k->size);
	out[2] = (uint8_t)(seq >> 8);
	out[3] = (uint8_t)seq;
	for (int i = 0; i < 4; i++)
		out[4 + i] = (uint8_t)(ts >> (24 - 8 * i));
}

static void sleep_until(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };

	while (!ended && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void play(int fd)
{
	uint64_t start = now(), sent = 0, refused = 0, late = 0;

	for (uint32_t rounds = 0; !ended; rounds++)
		for (size_t i = 0; !ended && i < n_packets; i++) {
			const struct packet *k = &packets[i];
			uint64_t due = start + (uint64_t)rounds * round_ticks * 1000000 / (CLOCK / 1000) +
				       (uint64_t)(k->ms - packets[0].ms) * 1000000, at = now();
			uint8_t datagram[PACKET_MAX];

			if (at < due)
				sleep_until(due);
			else if (at - due > late)
				late = at - due;
			number(datagram, k, rounds);
			if (ended)
				break;
			if (send(fd, datagram, k->size, 0) == k->size)
				sent++;
			else
				/* no receiver listens yet, or no room; the receiver counts it as lost */
				refused++;
		}
	printf("sent %llu packets, at most %.1f ms late, %llu refused\n", (unsigned long long)sent,
	       (double)late / 1e6, (unsigned long long)refused);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sigaction sa = { .sa_handler = end };
	int fd;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1 || atoi(argv[3]) < 1) {
		fprintf(stderr, "usage: rtpplay FILE ADDRESS PORT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	if (load(argv[1]) < 0 || measure_round() < 0)
		return 1;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("rtpplay: socket");
		return 1;
	}
	play(fd);
	return 0;
}
