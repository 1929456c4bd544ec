#include <QLocalSocket>
#include <QProcess>

/* Advice: the program's own child runs as long as its work takes. */
bool own_child(const QString &program)
{
	QProcess p;
	p.start(program, {});
	return p.waitForFinished(-1) && p.exitCode() == 0; // W3
}

bool good_limited_child(const QString &program)
{
	QProcess p;
	p.start(program, {});
	return p.waitForFinished(60000) && p.exitCode() == 0;
}

bool bad_peer(QLocalSocket &line)
{
	return line.waitForReadyRead(-1); // W3
}

class Tool : public QProcess {
public:
	int runIt(int msec);
};

/* Advice: this is its own child, too. */
int Tool::runIt(int msec)
{
	if (!waitForFinished(msec)) {
		kill();
		waitForFinished(-1); // W3
		return -1;
	}
	return exitCode();
}
