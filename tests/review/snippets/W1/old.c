#include <sys/socket.h>

int Socket;
struct sockaddr Daemon;

main(ac, av)
int	ac;
char	**av;
{
	while (connect(Socket, &Daemon, sizeof Daemon) < 0) /* W1 */
		sleep(2);
	play();
}

dial(s, times) /* how often */
	int s, times;
{
	while (connect(s, &Daemon, sizeof Daemon) < 0)
		if (--times == 0)
			return -1;
	return 0;
}
