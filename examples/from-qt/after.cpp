/* SPDX-License-Identifier: Apache-2.0 */
/* after-qt NAME LINE: a thread serves lines in capitals, the program asks it for one */
#include <QCoreApplication>
#include <QSemaphore>
#include <QThread>
#include <cstdio>
#include <postern-qt.hpp>

using postern::qt::Connection;
using postern::qt::Server;

class ServerThread : public QThread
{
public:
	explicit ServerThread(const QString &name) : name(name) {}
	~ServerThread() override { quit(), wait(); }

	QString startAndSay() // why not, or nothing
	{
		start();
		ready.acquire();
		return error;
	}

protected:
	void run() override
	{
		Server server; // 1: goes with run(), on every way out
		postern::conn_options lines;
		postern::server_options options;

		lines.framing = POSTERN_FRAMING_LINES;
		options.conn = &lines;
		connect(&server, &Server::newConnection, &server, [](Connection *peer) {
			connect(peer, &Connection::message, peer, [peer](const QByteArray &line) {
				if (!peer->sendMessage(line.toUpper()))
					peer->abort(); // 8 MiB of answers that it has not read
			});
		});
		if (!server.listen(name, options))
			error = server.errorString(); // 3: who has the name, and what to do
		ready.release();
		if (server.isListening())
			exec();
	}

private:
	QString name, error;
	QSemaphore ready;
};

int main(int argc, char **argv)
{
	QCoreApplication app(argc, argv);
	ServerThread thread(app.arguments().value(1));
	QString error = thread.startAndSay();
	postern::conn_options lines;
	Connection c;
	QByteArray answer;

	lines.framing = POSTERN_FRAMING_LINES;
	c.setOptions(lines);
	if (error.isEmpty()) {
		c.connectToServer(app.arguments().value(1), 2000); // 2: for two seconds
		c.sendMessage(app.arguments().value(2).toUtf8());  // sent when it is connected
		if (!c.waitForMessage(&answer, 2500))
			error = "no answer: " + c.errorString();
	}
	if (!error.isEmpty())
		return std::fprintf(stderr, "after-qt: %s\n", qPrintable(error)), 1;
	std::puts(answer.constData());
	return 0;
}
