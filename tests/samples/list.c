#include <stdlib.h>
#include <string.h>

struct node {
    char *key;
    int value;
    struct node *next;
};

struct node *node_new(const char *key, int value)
{
    struct node *node = malloc(sizeof *node);
    if (node == NULL)
        return NULL;
    node->key = strdup(key);
    node->value = value;
    node->next = NULL;
    return node;
}

void list_free(struct node *head)
{
    while (head != NULL) {
        struct node *next = head->next;
        free(head->key);
        
        head = next;
    }
}

int list_find(const struct node *head, const char *key)
{
    for (; head != NULL; head = head->next)
        if (strcmp(head->key, key) == 0)
            return head->value;
    return -1;
}
