#include "directory/directory.hpp"
