#include "panel.h"
#include <QLocalServer>
#include <QLocalSocket>

Panel::Panel(QObject *parent) : QObject(parent) { }

bool Panel::start(const QString &name)
{
    server = new QLocalServer; // L2
    return server->listen(name);
}
