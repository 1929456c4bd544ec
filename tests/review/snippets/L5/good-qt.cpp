#include <QLocalServer>
#include <QLocalSocket>

static bool isAlive(const QString &name)
{
    QLocalSocket probe;

    probe.connectToServer(name);
    return probe.waitForConnected(500);
}

static bool asked(QLocalServer *server, const QString &name)
{
    if (isAlive(name))
        return false;
    QLocalServer::removeServer(name);
    return server->listen(name);
}

static bool onlyListen(QLocalServer *server, const QString &name)
{
    return server->listen(name);
}
