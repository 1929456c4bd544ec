/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain.c - a client of NATS that knows nothing of Postern: libnats, driven by lines on stdin
 *
 *   plain URL [ca FILE] [creds FILE]
 *
 *   SUB <tab> SUBJECT [<tab> QUEUE]                     subscribes; what comes is printed
 *   PUB <tab> SUBJECT <tab> REPLY <tab> PAYLOAD [<tab> NAME: VALUE]...
 *   ECHO <tab> SUBJECT                                  answers each request with its payload, in this process
 *   TIME <tab> SUBJECT <tab> N <tab> PAYLOAD            N requests, one after the other
 *
 * It prints "OK" for each line that was obeyed ("OK <tab> NANOSECONDS <tab> ANSWERS" for TIME), "MSG <tab> SUBJECT <tab> REPLY
 * <tab> PAYLOAD [<tab> NAME: VALUE]..." for each message, and "ERROR <tab> text". REPLY and PAYLOAD may be empty; neither has
 * tabs or line ends in a test.
 */
#include <nats/nats.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PLAIN_FIELDS 16

static pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;

static void plain_error(const char *what, natsStatus s)
{
	pthread_mutex_lock(&plain_mutex);
	printf("ERROR\t%s: %s\n", what, natsStatus_GetText(s));
	fflush(stdout);
	pthread_mutex_unlock(&plain_mutex);
}

static void plain_ok(void)
{
	pthread_mutex_lock(&plain_mutex);
	printf("OK\n");
	fflush(stdout);
	pthread_mutex_unlock(&plain_mutex);
}

static void plain_print(natsMsg *msg)
{
	const char **names = NULL, *reply = natsMsg_GetReply(msg);
	int n = 0;

	pthread_mutex_lock(&plain_mutex);
	printf("MSG\t%s\t%s\t%.*s", natsMsg_GetSubject(msg), reply ? reply : "",
	       natsMsg_GetDataLength(msg), natsMsg_GetData(msg) ? natsMsg_GetData(msg) : "");
	if (natsMsg_IsNoResponders(msg))
		printf("\tStatus: 503");
	else if (natsMsgHeader_Keys(msg, &names, &n) != NATS_OK)
		n = 0;
	for (int i = 0; i < n; i++) {
		const char *value = "";

		if (natsMsgHeader_Get(msg, names[i], &value) == NATS_OK)
			printf("\t%s: %s", names[i], value);
	}
	printf("\n");
	fflush(stdout);
	pthread_mutex_unlock(&plain_mutex);
	free((void *)names);
}

static void plain_came(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *data)
{
	(void)nc, (void)sub, (void)data;
	plain_print(msg);
	natsMsg_Destroy(msg);
}

static void plain_echo(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *data)
{
	(void)sub, (void)data;
	if (natsMsg_GetReply(msg))
		natsConnection_Publish(nc, natsMsg_GetReply(msg), natsMsg_GetData(msg),
				       natsMsg_GetDataLength(msg));
	natsMsg_Destroy(msg);
}

static natsStatus plain_subscribe(natsConnection *nc, char **f, int n, natsMsgHandler fn)
{
	natsSubscription *sub = NULL; /* as long as the process */
	natsStatus s;

	if (n < 2)
		return NATS_INVALID_ARG;
	s = n > 2 ? natsConnection_QueueSubscribe(&sub, nc, f[1], f[2], fn, NULL)
		  : natsConnection_Subscribe(&sub, nc, f[1], fn, NULL);
	return s == NATS_OK ? natsConnection_Flush(nc) : s;
}

static natsStatus plain_publish(natsConnection *nc, char **f, int n)
{
	natsMsg *msg = NULL;
	natsStatus s;

	if (n < 4)
		return NATS_INVALID_ARG;
	s = natsMsg_Create(&msg, f[1], *f[2] ? f[2] : NULL, f[3], (int)strlen(f[3]));
	for (int i = 4; i < n && s == NATS_OK; i++) {
		char *colon = strstr(f[i], ": ");

		if (!colon) {
			s = NATS_INVALID_ARG;
			break;
		}
		*colon = '\0';
		s = natsMsgHeader_Set(msg, f[i], colon + 2);
	}
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(nc, msg);
	natsMsg_Destroy(msg);
	return s == NATS_OK ? natsConnection_Flush(nc) : s;
}

static natsStatus plain_time(natsConnection *nc, char **f, int n)
{
	struct timespec begin, end;
	long count = n == 4 ? strtol(f[2], NULL, 10) : 0;
	natsStatus s = n == 4 ? NATS_OK : NATS_INVALID_ARG;
	long long answers = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long i = 0; i < count && s == NATS_OK; i++) {
		natsMsg *reply = NULL;

		s = natsConnection_RequestString(&reply, nc, f[1], f[3], 5000);
		answers += s == NATS_OK;
		natsMsg_Destroy(reply);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	pthread_mutex_lock(&plain_mutex);
	if (s == NATS_OK)
		printf("OK\t%lld\t%lld\n",
		       (long long)(end.tv_sec - begin.tv_sec) * 1000000000 +
			       (end.tv_nsec - begin.tv_nsec),
		       answers);
	fflush(stdout);
	pthread_mutex_unlock(&plain_mutex);
	return s;
}

static void plain_obey(natsConnection *nc, char *line)
{
	char *f[PLAIN_FIELDS];
	int n = 0;
	natsStatus s;

	while (line && n < PLAIN_FIELDS)
		f[n++] = strsep(&line, "\t");
	if (!strcmp(f[0], "SUB"))
		s = plain_subscribe(nc, f, n, plain_came);
	else if (!strcmp(f[0], "ECHO"))
		s = plain_subscribe(nc, f, n, plain_echo);
	else if (!strcmp(f[0], "PUB"))
		s = plain_publish(nc, f, n);
	else if (!strcmp(f[0], "TIME"))
		s = plain_time(nc, f, n);
	else
		s = NATS_INVALID_ARG;
	if (s != NATS_OK)
		plain_error(f[0], s);
	else if (strcmp(f[0], "TIME") != 0)
		plain_ok();
}

static natsStatus plain_connect(natsConnection **ret, int argc, char **argv)
{
	natsOptions *options = NULL;
	natsStatus s = natsOptions_Create(&options);

	if (s == NATS_OK)
		s = natsOptions_SetURL(options, argv[1]);
	if (s == NATS_OK)
		s = natsOptions_SetSendAsap(options, true);
	if (s == NATS_OK)
		s = natsOptions_SetMaxReconnect(options, INT32_MAX);
	for (int i = 2; i + 1 < argc && s == NATS_OK; i += 2) {
		if (!strcmp(argv[i], "ca")) {
			s = natsOptions_SetSecure(options, true);
			if (s == NATS_OK)
				s = natsOptions_LoadCATrustedCertificates(options, argv[i + 1]);
		} else {
			s = natsOptions_SetUserCredentialsFromFiles(options, argv[i + 1], NULL);
		}
	}
	if (s == NATS_OK)
		s = natsConnection_Connect(ret, options);
	natsOptions_Destroy(options);
	return s;
}

int main(int argc, char **argv)
{
	natsConnection *nc = NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	natsStatus s;

	if (argc < 2)
		return 64;
	s = plain_connect(&nc, argc, argv);
	if (s != NATS_OK) {
		plain_error("connect", s);
		return 1;
	}
	plain_ok();
	while ((n = getline(&line, &size, stdin)) > 0) {
		line[n - 1] = '\0';
		plain_obey(nc, line);
	}
	free(line);
	natsConnection_Destroy(nc);
	nats_Close();
	return 0;
}
