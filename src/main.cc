#include "cli/command_line.h"

int main(int argument_count, char** arguments) {
  return posthorn::cli::run(argument_count, arguments);
}
