module k8sflow.example/test/cluster/pause

go 1.26.0
