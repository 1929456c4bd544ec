#include "window.h"
#include <QDialog>

// SIGNAL() says whose connect() it is, though the project has one that opens a connection.
Window::Window(QWidget *parent) : QDialog(parent)
{
	setupUi(this);
	connect(this, SIGNAL(accepted()), this, SLOT(ok()));
	connect(tree->selectionModel(), SIGNAL(selectionChanged(QItemSelection, QItemSelection)), this,
		SLOT(update()), Qt::QueuedConnection);
	connect(&filter, SIGNAL(clicked()), this, SIGNAL(clicked()));
	connect(button, SIGNAL(clicked()), SLOT(ok()));
}

// A fifth argument that the project's function does not take.
void Window::good_overload(const char *host)
{
	connect(TCP, host, 80, nullptr, true);
}
