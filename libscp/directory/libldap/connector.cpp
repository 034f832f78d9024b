#include "directory/libldap/connector.hpp"
