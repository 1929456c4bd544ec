#include <QLocalServer>
#include <QLocalSocket>

static bool blindly(QLocalServer *server, const QString &name)
{
    QLocalServer::removeServer(name); // L5
    return server->listen(name);
}
