#include <openssl/ssl.h>
#include <stddef.h>

int bad_handshake(SSL *ssl)
{
	int r = SSL_connect(ssl);

	if (r < 0) // E1
		return -1;
	return SSL_write(ssl, "hello", 5) == 5 ? 0 : -1; // E6
}

int good_handshake(SSL *ssl)
{
	if (SSL_connect(ssl) != 1)
		return -1;
	return SSL_write(ssl, "hello", 5) == 5 ? 0 : -1;
}

int good_waits(SSL *ssl)
{
	int r = SSL_do_handshake(ssl);

	if (r <= 0)
		return SSL_get_error(ssl, r);
	return 0;
}

int bad_trust(SSL_CTX *ctx, const char *file)
{
	SSL_CTX_load_verify_locations(ctx, file, NULL); // E1
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

int good_trust(SSL_CTX *ctx, const char *file)
{
	if (SSL_CTX_load_verify_locations(ctx, file, NULL) == 0)
		return -1;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

/* Two tests that see both. */
int good_apart(SSL *ssl)
{
	int r = SSL_connect(ssl);

	if (r < 0)
		return -1;
	if (r == 0)
		return -2;
	return 0;
}
