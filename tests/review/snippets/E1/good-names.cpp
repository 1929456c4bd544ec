// Objects whose class nobody declares here: their bind() and listen() are not those of Qt's sockets.
#include "shader.h"
#include "loop.h"

void good_shader(Scene &scene)
{
	scene.program()->bind();
	scene.program()->set("image", 0);
}

void good_loop(Server &server)
{
	server.acceptor()->listen();
}
