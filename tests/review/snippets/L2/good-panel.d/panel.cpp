#include "panel.h"
#include <QLocalServer>
#include <QLocalSocket>

Panel::Panel(QObject *parent) : QObject(parent) { }

bool Panel::start(const QString &name)
{
    server = new QLocalServer;
    return server->listen(name);
}

Panel::~Panel()
{
    delete server;
}
